package files

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// OpenPrivate opens a file for reading and writing that only this program uses,
// such as a lock file, and creates it (0600) if it is missing. A link, any other kind
// of file, a file with a second name and a file of another user are errors: another
// user could have put it there.
func OpenPrivate(path string) (*os.File, error) {
	// Opening a device or a pipe may already have an effect.
	if info, err := os.Lstat(path); err == nil {
		if err := checkRegular(path, info); err != nil {
			return nil, err
		}
	}
	file, err := openRegular(path, os.O_RDWR|os.O_CREATE|syscall.O_NOFOLLOW)
	if err != nil {
		return nil, err
	}
	if err := checkPrivate(file); err != nil {
		file.Close()
		return nil, err
	}
	return file, nil
}

func checkPrivate(file *os.File) error {
	info, err := file.Stat()
	if err != nil {
		return err
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	switch {
	case !ok:
		return errors.ErrUnsupported
	case int(stat.Uid) != os.Geteuid():
		return fmt.Errorf("%s belongs to another user", file.Name())
	}
	return checkSingleName(file)
}

func checkSingleName(file *os.File) error {
	info, err := file.Stat()
	if err != nil {
		return err
	}
	if stat, ok := info.Sys().(*syscall.Stat_t); ok && info.Mode().IsRegular() && stat.Nlink > 1 {
		return fmt.Errorf("%s is a hard link", file.Name())
	}
	return nil
}
