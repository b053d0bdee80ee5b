package values

// reads is what templates read at one place in the values.
type reads struct {
	keys  map[string]*reads
	each  *reads // what they read of every entry, as in a range
	whole bool   // they read it as a whole, as toYaml does
}

func (r *reads) at(key string) *reads {
	if r.keys == nil {
		r.keys = map[string]*reads{}
	}
	if r.keys[key] == nil {
		r.keys[key] = &reads{}
	}
	return r.keys[key]
}

func (r *reads) entries() *reads {
	if r.each == nil {
		r.each = &reads{}
	}
	return r.each
}

func readsBelow(all []*reads, key string) []*reads {
	var below []*reads
	for _, r := range all {
		if inner, ok := r.keys[key]; ok {
			below = append(below, inner)
		}
		if r.each != nil {
			below = append(below, r.each)
		}
	}
	return below
}
