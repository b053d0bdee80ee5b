// Package images builds and pulls the images of an application.
//
// # Observe and ensure
//
// [Builder.Observe] reports which images of a [Set] are in the Docker engine.
// [Builder.Ensure] adds the missing ones:
//
//   - An [inputs.Build] runs in BuildKit. Its tag is a hash of its inputs.
//   - A [Source] is pulled or, if that fails, built by its recipe.
//   - A [Binary] is a static executable for the engine's platform, which needs no build.
//
// Package nodeload copies the images to the nodes of a cluster.
package images
