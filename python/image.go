package python

import _ "embed"

// What the image of workers in containers is built from, beside the package.
var (
	//go:embed Containerfile
	containerfile []byte
	//go:embed base.sh
	baseRecipe []byte
)

// ImageName is the name of the workers' image, without its tag.
const ImageName = "butfor-worker"

// The files of a build's context.
const (
	Containerfile = "Containerfile"
	BaseRecipe    = "base.sh" // a script that makes a base of Debian packages
)

// An Image is what the image of workers in containers is built from.
type Image struct {
	Name  string            // of the image, with its tag
	Tag   string            // a hash of all files
	Base  string            // of the base that BaseRecipe makes: a hash of that
	Files map[string][]byte // by their slash-separated paths
}

// ImageSource is what is embedded in this program.
func ImageSource() Image {
	files := map[string][]byte{Containerfile: containerfile, BaseRecipe: baseRecipe}
	for name, content := range source() {
		files[packageName+"/"+name] = content
	}
	tag := hash(files)
	return Image{Name: ImageName + ":" + tag, Tag: tag, Base: hash(map[string][]byte{BaseRecipe: baseRecipe}), Files: files}
}
