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
products=$("$swift" build --show-bin-path)
"$swift" build --build-tests
TEST_REPORT_FOLDER=$folder "$products/delladPackageTests.xctest" --testing-library swift-testing \
    --filter ReportPageTests.samplesAreWritten >"$folder/log" 2>&1 || { cat "$folder/log"; exit 1; }
# The report of a merge of two models.
models=$folder/models
mkdir "$models"
"$(dirname "$0")/write-models.sh" "$products/dellad" "$models" tiny >/dev/null
"$products/dellad" synth "$models/other" --shape tiny --base "$models/base" --scale 0.005 --seed 3 >/dev/null
echo '  - {model: other, parameters: {density: [0.3, 0.7], epsilon: 0.1, weight: [0.2, 0.6]}}' >>"$models/merge.yml"
"$products/dellad" merge "$models/merge.yml" "$folder/two-models" --models "$models" >/dev/null
for kind in html svg json; do
    cp "$folder/two-models/report.$kind" "$folder/two-models.$kind"
done
rm -rf "$models" "$folder/two-models"
for page in "$@"; do
    cp "$page" "$folder/given-$(basename "$(dirname "$page")").html"
done
PYTHONDONTWRITEBYTECODE=1 python3 "$(dirname "$0")/open-reports.py" "$folder"
