package values

import "strconv"

// call evaluates the functions that pass a value on or read a part of it. Any other one
// reads its arguments as a whole.
func (w *walker) call(name string, args []value) value {
	switch name {
	case "not", "eq", "ne", "lt", "le", "gt", "ge", "empty", "len", "kindIs", "kindOf", "typeOf", "typeIs", "fail":
		return value{}
	case "and", "or":
		if w.truth {
			return value{}
		}
	case "include":
		if len(args) == 2 {
			w.include(args[0].text, args[1])
		}
		return value{}
	case "dict":
		made := value{fields: map[string]value{}}
		for i := 0; i+1 < len(args); i += 2 {
			made.fields[args[i].text] = args[i+1]
		}
		return made
	case "list", "tuple":
		made := value{fields: map[string]value{}}
		for i, arg := range args {
			made.fields[strconv.Itoa(i)] = arg
		}
		return made
	case "index", "get", "hasKey", "first", "dig":
		return access(name, args)
	case "required", "default", "set":
		return passOn(name, args)
	}
	var context value
	for _, arg := range args {
		if arg.root != nil {
			context = value{root: arg.root} // as in merge (dict "name" "web") $
		}
		arg.escape()
	}
	return context
}

// access evaluates index m k…, get m k, hasKey m k, first l, and dig k… default m.
func access(name string, args []value) value {
	if len(args) == 0 {
		return value{}
	}
	of, keys := args[0], args[1:]
	switch {
	case name == "first":
		keys = []value{{text: "0"}}
	case name == "dig" && len(args) > 2:
		of, keys = args[len(args)-1], args[:len(args)-2]
	}
	for _, key := range keys {
		switch _, err := strconv.Atoi(key.text); {
		case key.text == "" || err == nil && of.fields == nil:
			of = of.entry()
		default:
			of = of.field(key.text)
		}
	}
	return of
}

// passOn evaluates required message v, default d v, and set m k v.
func passOn(name string, args []value) value {
	if len(args) == 0 {
		return value{}
	}
	result := args[len(args)-1]
	if name == "set" {
		result = args[0]
	}
	for _, arg := range args {
		if arg.at != result.at || name == "set" && arg.at != args[0].at {
			arg.escape()
		}
	}
	return result
}
