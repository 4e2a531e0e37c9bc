package host

// Peek copies into p what Read would give, and takes nothing. end says that nothing comes after
// that. It waits until there are more than seen bytes, or the end; so it never does for -1.
func (s *stream) Peek(p []byte, seen int) (n int, end bool, err error) {
	defer s.w.unlock(s.w.lock())
	for {
		if err := s.err(&s.reads); err != nil {
			return 0, false, err
		}
		c := s.conn
		if len(c.in) == 0 && c.err != nil {
			return 0, false, c.takeErr()
		}
		n, end = copy(p, c.in), c.err == nil && (c.eof || c.deaf || c.state == dead)
		if n > seen || end {
			return n, end, nil
		}
		s.reads.Wait()
	}
}
