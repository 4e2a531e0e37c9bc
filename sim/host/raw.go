package host

// Peek returns what Read would give, and takes nothing: it is valid until the next Read. end says
// that nothing comes after that. Peek waits until there are more than seen bytes, or the end; so
// it never does for -1.
func (s *stream) Peek(seen int) (data []byte, end bool, err error) {
	defer s.w.unlock(s.w.lock())
	for {
		if err := s.err(&s.reads); err != nil {
			return nil, false, err
		}
		c := s.conn
		if len(c.in) == 0 && c.err != nil {
			return nil, false, c.takeErr()
		}
		end = c.err == nil && (c.eof || c.deaf || c.state == dead)
		if len(c.in) > seen || end {
			return c.in, end, nil
		}
		s.reads.Wait()
	}
}
