#!/bin/sh
# Copies what the pages need from the npm packages pinned in package-lock.json into static/vendor, licences included.
set -eu
cd "$(dirname "$0")"
npm ci --ignore-scripts --no-audit --no-fund
rm -rf static/vendor
take() { mkdir -p "static/vendor/$1"; for file in "$2" "$3"; do cp "node_modules/$file" "static/vendor/$1/"; done; }
take htmx htmx.org/dist/htmx.min.js htmx.org/LICENSE
take htmx-sse htmx-ext-sse/dist/sse.min.js htmx-ext-sse/LICENSE
take pico @picocss/pico/css/pico.blue.min.css @picocss/pico/LICENSE.md
take twilio-voice @twilio/voice-sdk/dist/twilio.min.js @twilio/voice-sdk/LICENSE.md
# JsSIP comes as modules. They are made one script, with the packages they use; the licences of all are in one file.
jssip=static/vendor/jssip
node_modules/.bin/esbuild jssip --bundle --minify --format=iife --global-name=JsSIP --legal-comments=none \
  --outfile="$jssip/jssip.min.js" --metafile=node_modules/jssip-bundle.json --log-level=warning
for package in $(grep -o '"node_modules/[^/"]*' node_modules/jssip-bundle.json | cut -d/ -f2 | sort -u); do
  printf '%s\n\n' "--- $package"
  find "node_modules/$package" -maxdepth 1 -iname 'license*' -exec cat {} +
  echo
done >"$jssip/LICENSES.txt"
rm -rf node_modules
