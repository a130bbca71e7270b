#!/bin/sh
# Installs the browser that the page tests open, where that is possible; without one those tests are skipped.
set -eu
for name in chromium chromium-browser google-chrome google-chrome-stable; do
    if command -v "$name" >/dev/null; then
        echo "browser for the page tests: $(command -v "$name")"
        exit 0
    fi
done
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq
    apt-get install -y -qq --no-install-recommends chromium
    echo "browser for the page tests: $(command -v chromium)"
else
    echo "no browser found and none installed (that needs root and apt-get): the page tests will be skipped" >&2
fi
