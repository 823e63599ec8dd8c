package origin

import (
	"archive/tar"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// maxFile bounds one unpacked file: the largest that is used has 4 MB.
const maxFile = 64 << 20

// unpack writes the files of an archive into dir, an npm archive without its leading "package/".
func (f Fetcher) unpack(p Package, archive, dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	if p.Client == "npm" {
		return unpackTGZ(archive, dir, p.Keep)
	}
	if _, err := exec.LookPath("dpkg-deb"); err != nil {
		return errors.New("the program dpkg-deb is not on PATH: it is part of Debian and Ubuntu")
	}
	return f.command(dir, "dpkg-deb", "-x", archive, dir)
}

func unpackTGZ(archive, dir string, keep []string) error {
	file, err := os.Open(archive)
	if err != nil {
		return err
	}
	defer file.Close()
	z, err := gzip.NewReader(file)
	if err != nil {
		return err
	}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		_, name, _ := strings.Cut(h.Name, "/")
		if h.Typeflag != tar.TypeReg || !kept(name, keep) {
			continue
		}
		if err := writeFile(filepath.Join(dir, filepath.FromSlash(name)), r); err != nil {
			return err
		}
	}
}

func kept(name string, keep []string) bool {
	if !filepath.IsLocal(name) {
		return false
	}
	for _, prefix := range keep {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return len(keep) == 0
}

func writeFile(path string, r io.Reader) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	n, err := io.Copy(file, io.LimitReader(r, maxFile+1))
	if n > maxFile {
		err = fmt.Errorf("%s is larger than %d bytes", filepath.Base(path), maxFile)
	}
	return errors.Join(err, file.Close())
}
