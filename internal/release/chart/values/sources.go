package values

// Sources are the layers on top of the chart's own values: Files, Images and Set. Later
// ones win.
type Sources struct {
	Chart  string // path of the chart, for messages
	Files  []File
	Images map[string]Image // by values path
	Set    []string         // as in helm --set
}

// File is a values file.
type File struct {
	Name string
	Data []byte
}
