package origin

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Package is one archive of a public registry, at the version that the committed sample was made from.
type Package struct {
	Client  string // npm or apt-get
	Name    string
	Version string
	SHA256  string   // of the archive, in hexadecimal
	Keep    []string // path prefixes inside an npm archive that are unpacked; all when empty
	Licence string   // as the package states it
}

// The packages that the sample is made from, in the order of the README's table.
var (
	EmojiGoogle = Package{Client: "npm", Name: "emoji-datasource-google", Version: "16.0.0",
		SHA256: "fb5fd131b362aab7a55542d2a147a79708cce0a8b1c1bbacd470172708b5c438", Keep: []string{"img/google/64/", "emoji.json", "LICENSE", "README.md"}, Licence: "Apache-2.0"}
	EmojiTwitter = Package{Client: "npm", Name: "emoji-datasource-twitter", Version: "16.0.0",
		SHA256: "f64a530c63bca463bd8317fdc4615ce63a53a0c65018e4ce2d848aaba7a28877", Keep: []string{"img/twitter/64/", "LICENSE", "README.md"}, Licence: "CC-BY-4.0"}
	EmojiNames = Package{Client: "npm", Name: "emojibase-data", Version: "17.0.0",
		SHA256: "d01d0e2ca4e22cb402679532155342c71e2e871f25c32223c013b8b166ebdf5a", Keep: []string{"zh/", "meta/", "LICENSE"}, Licence: "MIT"}
	Poetry = Package{Client: "npm", Name: "chinese-poetry", Version: "2.0.1",
		SHA256: "25b549e46919c3a0569db6b68ddc96956b04a484ea4518ad2bbd4f137e307e86", Keep: []string{"dist/quantangshi/", "LICENSE"}, Licence: "MIT"}
	OfficeHelp = Package{Client: "apt-get", Name: "libreoffice-help-zh-cn", Version: "4:7.4.7-1+deb12u14",
		SHA256: "db867cdece4c2f9c7eebe65e519c6cf386fdcf49d6e061db3dffec893b3e1dee", Licence: "MPL-2.0"}
	DebianFAQ = Package{Client: "apt-get", Name: "debian-faq-zh-cn", Version: "11.1",
		SHA256: "3545356b1aa04d87e91dd15e8406210cf5b4f476662e597897bcb42234591758", Licence: "Debian-FAQ"}
	DebianReference = Package{Client: "apt-get", Name: "debian-reference-zh-cn", Version: "2.100",
		SHA256: "6d2d8d9a646397e28b04cdff23d2e4374101ebf9be348e35961af62c8a2d0977", Licence: "GPL-2+"}
	Stamps = Package{Client: "apt-get", Name: "tuxpaint-stamps-default", Version: "2022.06.04-1",
		SHA256: "6db6c1bfc870a47f1499d6203b083522eacb57c5f9c87d468f2e92eb6d9d5f34", Licence: "GPL-2+"}
)

// Fetcher downloads and unpacks packages into a cache folder; what is there already is used as it is.
type Fetcher struct {
	Context context.Context // ends a running client; nil for never
	Cache   string
	Strict  bool      // refuse a Debian package of another version than the pinned one
	Log     io.Writer // one line per download; nil for silence
}

// Fetch returns the folder that holds the unpacked files of p.
func (f Fetcher) Fetch(p Package) (string, error) {
	dir := filepath.Join(f.Cache, p.Name+"-"+safeName(p.Version))
	if _, err := os.Stat(dir); err == nil {
		return dir, nil
	}
	if err := os.MkdirAll(f.Cache, 0o755); err != nil {
		return "", fmt.Errorf("package cache: %w", err)
	}
	if _, err := exec.LookPath(p.Client); err != nil {
		return "", fmt.Errorf("package %s: the client %s is not on PATH: install it, or leave out the sources that need it with --sources", p.Name, p.Client)
	}
	temp, err := os.MkdirTemp(f.Cache, p.Name+".part-")
	if err != nil {
		return "", fmt.Errorf("package cache: %w", err)
	}
	defer os.RemoveAll(temp)
	f.logf("fetching %s %s with %s", p.Name, p.Version, p.Client)
	archive, err := f.download(p, temp)
	if err != nil {
		return "", fmt.Errorf("package %s: %w", p.Name, err)
	}
	files := filepath.Join(temp, "files")
	if err := f.unpack(p, archive, files); err != nil {
		return "", fmt.Errorf("package %s: unpacking: %w", p.Name, err)
	}
	if err := os.Rename(files, dir); err != nil {
		return "", fmt.Errorf("package %s: %w", p.Name, err)
	}
	return dir, nil
}

func (f Fetcher) logf(format string, args ...any) {
	if f.Log != nil {
		fmt.Fprintf(f.Log, format+"\n", args...)
	}
}

// download fetches the archive of p into dir and returns its path, its checksum verified.
func (f Fetcher) download(p Package, dir string) (string, error) {
	args := []string{"pack", p.Name + "@" + p.Version, "--silent", "--ignore-scripts"}
	if p.Client == "apt-get" {
		args = []string{"download", "-q", p.Name + "=" + p.Version}
	}
	err := f.command(dir, p.Client, args...)
	pinned := err == nil
	if err != nil && p.Client == "apt-get" && !f.Strict {
		f.logf("%s %s is not offered here, taking the version that is", p.Name, p.Version)
		err = f.command(dir, p.Client, "download", "-q", p.Name)
	}
	if err != nil {
		return "", err
	}
	found, err := filepath.Glob(filepath.Join(dir, "*.*"))
	if err != nil || len(found) != 1 {
		return "", fmt.Errorf("%s left %d archives where one was expected", p.Client, len(found))
	}
	if !pinned {
		return found[0], nil
	}
	return found[0], verify(found[0], p.SHA256)
}

func verify(path, want string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	h := sha256.New()
	if _, err := io.Copy(h, file); err != nil {
		return err
	}
	if got := hex.EncodeToString(h.Sum(nil)); got != want {
		return fmt.Errorf("%s has SHA-256 %s, expected %s: the registry serves other bytes than the pinned ones", filepath.Base(path), got, want)
	}
	return nil
}

// command runs a client in dir; its error is the last line that the client wrote.
func (f Fetcher) command(dir, name string, args ...string) error {
	ctx := f.Context
	if ctx == nil {
		ctx = context.Background()
	}
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		lines := strings.Split(strings.TrimSpace(out.String()), "\n")
		return errors.Join(ctx.Err(), fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, lines[len(lines)-1]))
	}
	return nil
}

// safeName makes a version fit for a folder name: an epoch's colon is not allowed everywhere.
func safeName(s string) string { return strings.NewReplacer(":", "_", "/", "_").Replace(s) }
