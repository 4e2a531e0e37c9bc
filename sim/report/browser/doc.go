// Package browser tests the page of package report in a real browser: what a reader sees, does
// with the keyboard and the mouse, and hears from a screen reader. It is a module of its own, so
// that nobody else needs the driver of the browser.
//
// Without a browser the tests are skipped, unless DESSIM_BROWSER is "required". With
// DESSIM_SCREENSHOTS=DIR they leave pictures of the pages there, for people to look at.
package browser
