// Package images builds and pulls the images of an application.
//
// # Observe and ensure
//
// [Builder.Observe] reports which images of a [Set] are in the Docker engine.
// [Builder.Ensure] adds the missing ones:
//
//   - An [inputs.Build] runs in the engine's BuildKit. Its tag is a hash of its
//     inputs, so an image is built again only if an input changed.
//   - A [Source] is an external image. It is pulled or, if that fails, built by
//     its recipe.
//   - A [Binary] is a static executable that becomes an image without a build.
//
// Package nodeload copies the images to the nodes of a cluster.
package images
