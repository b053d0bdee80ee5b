// Package images makes the images of an application present in the Docker
// engine and in the nodes of a cluster. It is the only importer of the Docker
// SDK and of BuildKit.
//
// # Identity
//
// A built image is named by its inputs: its tag is a hash of everything that
// the build reads ([Build]). The same inputs give the same tag, and an image
// that exists under its tag is not built again. What a Dockerfile's target
// reads of its context is asked of BuildKit's own Dockerfile converter, so a
// file that only another target copies does not count.
//
// # Presence
//
// [Engine.Observe] only reads. [Engine.Ensure] makes a [Set] present: builds
// run through a BuildKit client on the engine's own connection, outside images
// ([Source]) are used if they are here, else pulled, else made by a recipe, and
// static executables ([Binary]) become images without a build.
//
// # Load
//
// [Engine.Load] gives nodes the images. A node gets an OCI archive without the
// layers that it has: containerd imports an image if each layer is either in
// the archive, in its content store, or already unpacked in its snapshotter.
package images
