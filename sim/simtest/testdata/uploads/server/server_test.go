package server

import (
	"bytes"
	"net/http/httptest"
	"testing"
)

func TestAnUploadCanBeDownloaded(t *testing.T) {
	h, err := Handler(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	ts := httptest.NewServer(h)
	defer ts.Close()
	c := NewClient("")
	c.server = ts.URL
	var offsets []int64
	c.Acknowledged = func(_ string, offset int64) { offsets = append(offsets, offset) }
	data := bytes.Repeat([]byte("text"), 1000)
	path, err := c.Upload(data, 1500)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := c.Download(path); err != nil || !bytes.Equal(got, data) {
		t.Errorf("of %d bytes uploaded, %d are downloaded, with error %v", len(data), len(got), err)
	}
	if len(offsets) != 4 || offsets[3] != int64(len(data)) {
		t.Errorf("acknowledged are %v; want 4, the last of all %d bytes", offsets, len(data))
	}
}
