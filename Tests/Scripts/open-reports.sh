#!/bin/sh
# open-reports.sh SWIFT [REPORT.html…]   Writes synthetic reports and opens them, and those named, in headless Chromium: see
# open-reports.py. Skipped with a message, and successfully, where there is no Chromium or tidy. Pictures are left in
# .build/report/screenshots.
set -eu
swift=$1
shift
for tool in chromium tidy; do
    if ! command -v $tool >/dev/null; then
        echo "report test: SKIPPED: there is no $tool"
        exit 0
    fi
done
folder=$PWD/.build/report
rm -rf "$folder"
mkdir -p "$folder"
# By its path: `swift test` would look for what is to be built again.
products=$("$swift" build --show-bin-path)
"$swift" build --build-tests
TEST_REPORT_FOLDER=$folder "$products/delladPackageTests.xctest" --testing-library swift-testing \
    --filter ReportPageTests.samplesAreWritten >"$folder/log" 2>&1 || { cat "$folder/log"; exit 1; }
for page in "$@"; do
    cp "$page" "$folder/given-$(basename "$(dirname "$page")").html"
done
PYTHONDONTWRITEBYTECODE=1 python3 "$(dirname "$0")/open-reports.py" "$folder"
