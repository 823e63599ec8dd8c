#!/bin/sh
# Makes the two fonts that package viz embeds, from packages of the registries in the user's own client configuration.
# Needs npm, python3 with venv. Usage: viz/fonts/make.sh
set -eu
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm pack --silent @expo-google-fonts/noto-sans-sc@0.4.3 >/dev/null
tar xzf expo-google-fonts-noto-sans-sc-0.4.3.tgz
python3 -m venv venv
venv/bin/pip -q install fonttools==4.60.1
venv/bin/pip -q download --no-deps cn-clip==1.6.0
venv/bin/python -m zipfile -e cn_clip-1.6.0-*.whl clip
venv/bin/python "$here/subset.py" --vocabulary clip/cn_clip/clip/vocab.txt \
	--regular package/400Regular/NotoSansSC_400Regular.ttf \
	--semibold package/600SemiBold/NotoSansSC_600SemiBold.ttf \
	--out "$here"
cp package/LICENSE_FONT "$here/LICENSE"
(cd "$here" && sha256sum sans.ttf semibold.ttf LICENSE)
