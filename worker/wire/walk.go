package wire

// members walks the object that begins at data[at]. After each next, the
// caller takes the value at at, by skip or in its own way, and sets at behind
// it. After the last, at is behind the object.
type members struct {
	data  []byte
	at    int
	depth int // of this object; the message is 1 deep
	key   []byte
	begun bool
	err   *MessageError
}

func (o *members) next() bool {
	if o.err != nil {
		return false
	}
	if !o.begun {
		o.begun = true
		if o.at >= len(o.data) || o.data[o.at] != '{' {
			return o.fail(malformed(o.data, o.at, "an object"))
		}
		if o.depth > MaxDepth {
			return o.fail(tooDeep())
		}
		o.at = skipSpace(o.data, o.at+1)
		if o.at < len(o.data) && o.data[o.at] == '}' {
			o.at++
			return false
		}
	} else {
		o.at = skipSpace(o.data, o.at)
		switch {
		case o.at < len(o.data) && o.data[o.at] == '}':
			o.at++
			return false
		case o.at < len(o.data) && o.data[o.at] == ',':
			o.at = skipSpace(o.data, o.at+1)
		default:
			return o.fail(malformed(o.data, o.at, "a comma or the end of an object"))
		}
	}
	return o.takeKey()
}

func (o *members) takeKey() bool {
	if o.at >= len(o.data) || o.data[o.at] != '"' {
		return o.fail(malformed(o.data, o.at, "a key"))
	}
	end, escaped, err := skipString(o.data, o.at)
	if err != nil {
		return o.fail(err)
	}
	o.key = o.data[o.at+1 : end-1]
	if escaped {
		o.key = unescape(nil, o.key)
	}
	o.at = skipSpace(o.data, end)
	if o.at >= len(o.data) || o.data[o.at] != ':' {
		return o.fail(malformed(o.data, o.at, "a colon"))
	}
	o.at = skipSpace(o.data, o.at+1)
	return true
}

// skip passes over the value, and returns it as it stands in the text.
func (o *members) skip() []byte {
	end, err := skipValue(o.data, o.at, o.depth+1)
	if err != nil {
		o.fail(err)
		return nil
	}
	value := o.data[o.at:end:end]
	o.at = end
	return value
}

func (o *members) fail(err *MessageError) bool {
	o.err = err
	return false
}

// elements walks the array that begins at data[at], as members does an object.
type elements struct {
	data  []byte
	at    int
	depth int // of this array
	begun bool
	err   *MessageError
}

func (a *elements) next() bool {
	if a.err != nil {
		return false
	}
	if !a.begun {
		a.begun = true
		if a.at >= len(a.data) || a.data[a.at] != '[' {
			return a.fail(malformed(a.data, a.at, "an array"))
		}
		if a.depth > MaxDepth {
			return a.fail(tooDeep())
		}
		a.at = skipSpace(a.data, a.at+1)
		if a.at < len(a.data) && a.data[a.at] == ']' {
			a.at++
			return false
		}
		return true
	}
	a.at = skipSpace(a.data, a.at)
	switch {
	case a.at < len(a.data) && a.data[a.at] == ']':
		a.at++
		return false
	case a.at < len(a.data) && a.data[a.at] == ',':
		a.at = skipSpace(a.data, a.at+1)
		return true
	default:
		return a.fail(malformed(a.data, a.at, "a comma or the end of an array"))
	}
}

// skip passes over the element, and returns it as it stands in the text.
func (a *elements) skip() []byte {
	end, err := skipValue(a.data, a.at, a.depth+1)
	if err != nil {
		a.fail(err)
		return nil
	}
	value := a.data[a.at:end:end]
	a.at = end
	return value
}

func (a *elements) fail(err *MessageError) bool {
	a.err = err
	return false
}
