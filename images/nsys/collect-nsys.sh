#!/bin/sh
# Copies the Nsight Systems that is installed here to FOLDER, so that FOLDER/bin/nsys runs wherever FOLDER is mounted:
# on the models share, or out of an image (docs/profiling.md).
#   collect-nsys.sh FOLDER
set -eu
folder=${1:?usage: collect-nsys.sh FOLDER}
nsys=$(command -v nsys) || {
  echo "collect-nsys.sh: there is no nsys on PATH: install nsight-systems-cli, or Debian's nsight-systems" >&2
  exit 1
}
nsys=$(readlink -f "$nsys")
root=$(dirname "$(dirname "$nsys")")
mkdir -p "$folder"

# As NVIDIA's packages install it, it is such a folder already.
if [ -e "$root/bin/nsys" ] && ls -d "$root"/host-linux-* >/dev/null 2>&1; then
  cp -R "$root/." "$folder/"
  exit 0
fi

# Debian has the part that records and the part with the graphical program in two places. Of the latter it takes the
# importer and what that loads, which is first looked for beside it; the C library is everywhere.
target=$(dirname "$nsys")
host=$(ls -d /usr/lib/nsight-systems/host-linux-* 2>/dev/null | head -n 1)
if [ ! -x "$host/QdstrmImporter" ]; then
  echo "collect-nsys.sh: $nsys is there without QdstrmImporter: install all of Nsight Systems" >&2
  exit 1
fi
importer=$folder/$(basename "$host")
mkdir -p "$folder/bin" "$importer"
cp -R "$target" "$folder/"
ln -sfn "../$(basename "$target")/nsys" "$folder/bin/nsys"
cp "$host/QdstrmImporter" "$importer/"
ldd "$host/QdstrmImporter" | awk '$3 ~ /^\// { print $3 }' | while read -r library; do
  case ${library##*/} in
    libc.so.* | libm.so.* | libdl.so.* | librt.so.* | libpthread.so.* | libutil.so.* | libresolv.so.*) ;;
    *) cp -L "$library" "$importer/" ;;
  esac
done
