#!/usr/bin/env python3
"""open-reports.py FOLDER   Opens the reports in a folder in Chromium, at 390 and 1400 pixels, light and dark.

Fails on a console message, a request that leaves the file, a page that is wider than the window, a picture without a
text, a table that does not sort, a page that says less without scripts, a page that takes a second to load, and what
`tidy -e` calls an error. Leaves pictures of all of them in FOLDER/screenshots.
"""
import pathlib
import shutil
import subprocess
import sys

from report_browser import Browser

LOAD_LIMIT = 1.0

# Pictures need a role and a title and a description that are found and hold words; others are hidden from readers.
PICTURES = """[...document.querySelectorAll('svg:not([aria-hidden="true"])')].filter(svg => {
    const words = (svg.getAttribute('aria-labelledby') || '').split(' ').map(id => document.getElementById(id));
    return svg.getAttribute('role') !== 'img' || words.length !== 2
        || words.some(e => !e || !svg.contains(e) || e.textContent.trim().length < 8);
}).map(svg => svg.outerHTML.slice(0, 120))"""
# Texts that end outside of the picture they are in.
CLIPPED = """[...document.querySelectorAll('svg text')].filter(text => {
    const own = text.getBoundingClientRect(), all = text.ownerSVGElement.getBoundingClientRect();
    return own.left < all.left - 1 || own.right > all.right + 1 || own.top < all.top - 1 || own.bottom > all.bottom + 1;
}).map(text => text.textContent)"""
# By the values of a column, largest first, what has none last.
SORTED = """(() => {
    const table = document.getElementById('tensors');
    const heads = table.tHead.rows[table.tHead.rows.length - 1].cells, column = %s;
    if (!heads[column].querySelector('button')) return 'no button';
    const before = table.tBodies[0].rows.length;
    heads[column].querySelector('button').click();
    const values = [...table.tBodies[0].rows].map(row => parseFloat(row.cells[column].textContent));
    const numbers = values.filter(v => !isNaN(v));
    if (values.length !== before) return 'rows are lost';
    if (numbers.some((v, i) => isNaN(values[i]))) return 'rows without a figure are not last';
    if (numbers.some((v, i) => i && v > numbers[i - 1])) return 'not sorted';
    return heads[column].getAttribute('aria-sort');
})()"""
# Characters of texts that have a place on the page, without pictures, whose texts are drawn.
WORDS = """(() => {
    const walk = document.createTreeWalker(document.querySelector('main'), NodeFilter.SHOW_TEXT);
    let count = 0;
    while (walk.nextNode()) {
        const parent = walk.currentNode.parentElement;
        if (!parent.closest('svg, details') && parent.getClientRects().length) count += walk.currentNode.length;
    }
    return count;
})()"""


def tidy(page):
    """What tidy says of a page, and its exit code: 2 where there are errors. It takes an SVG's title for HTML's, whose
    id it does not know."""
    run = subprocess.run(
        ["tidy", "-e", "-q", "--drop-empty-elements", "no", str(page)], capture_output=True, text=True)
    lines = run.stderr.strip().splitlines()
    return [line for line in lines if '<title> proprietary attribute "id"' not in line], run.returncode


def main():
    folder = pathlib.Path(sys.argv[1]).resolve()
    shots = folder / "screenshots"
    shots.mkdir(exist_ok=True)
    program = shutil.which("chromium")
    pages = sorted(folder.glob("*.html"))
    if not pages:
        sys.exit(f"{folder} has no pages")
    browser = Browser(program)
    wrong = []
    checks = 0

    def check(holds, what):
        nonlocal checks
        checks += 1
        if not holds:
            wrong.append(what)
            print(f"not ok  {what}")

    def unasked(what, own):
        complaints, requests = browser.complaints()
        check(not complaints, f"{what}: {complaints}")
        check(set(requests) <= own, f"{what} asks for {set(requests) - own}")

    try:
        for page in pages:
            lines, code = tidy(page)
            check(code < 2, f"{page.name}: tidy: {lines[:5]}")
            for line in lines[:3]:
                print(f"        {page.name}: {line}")
            seconds = []
            widest = [(2000, False)] if page.stem in ["merge", "large", "hostile"] else []
            for width, dark in [(390, False), (390, True), (1400, False), (1400, True)] + widest:
                what = f"{page.name} at {width}{' dark' if dark else ''}"
                seconds.append(browser.open(page.as_uri(), width, 900, dark))
                unasked(what, {page.as_uri()})
                check(browser.evaluate("document.documentElement.scrollWidth") <= width, f"{what}: wider than the window")
                check(browser.evaluate(PICTURES) == [], f"{what}: without a text: {browser.evaluate(PICTURES)}")
                check(browser.evaluate(CLIPPED) == [], f"{what}: clipped: {browser.evaluate(CLIPPED)}")
                # The merge's from all sides, one of each kind of the others'.
                if width < 2000 and (page.stem in ["merge", "two-models"] or dark == (width < 600)):
                    browser.evaluate("document.querySelector('.tall').style.contentVisibility = 'visible'")
                    browser.picture(shots / f"{page.stem}-{width}-{'dark' if dark else 'light'}.png")
            fastest = min(seconds)
            check(fastest < LOAD_LIMIT, f"{page.name} took {fastest:.2f} s to load")
            columns = browser.evaluate("document.getElementById('tensors').tHead.rows[1].cells.length")
            for column in [2, columns - 1]:
                answer = browser.evaluate(SORTED % column)
                check(answer == "descending", f"{page.name}: column {column}: {answer}")
            words = browser.evaluate(WORDS)
            browser.open(page.as_uri(), 1400, 900, scripts=False)
            bare = browser.evaluate(WORDS)
            check(bare == words, f"{page.name}: {bare} characters are seen without scripts, {words} with them")
            if page.stem in ["merge", "large"]:
                browser.print_pdf(shots / f"{page.stem}.pdf")
            print(f"        {page.name:24} {page.stat().st_size / 1e6:5.2f} MB, {fastest:.2f} s to load")
        for picture in sorted(folder.glob("*.svg")):
            frame = folder / "picture.htm"
            for dark in [False, True] if picture.stem == "merge" else [False]:
                frame.write_text(f"<!DOCTYPE html><title>card</title><img src='{picture.name}' style='max-width:100%'>")
                browser.open(frame.as_uri(), 1100, 700, dark)
                unasked(picture.name, {frame.as_uri(), picture.as_uri()})
                check(browser.evaluate("document.images[0].naturalWidth") > 100, f"{picture.name} is no image")
                browser.picture(shots / f"{picture.stem}-card-{'dark' if dark else 'light'}.png")
            frame.unlink()
            # On its own, its texts can be measured.
            browser.open(picture.as_uri(), 1400, 900)
            check(browser.evaluate(CLIPPED) == [], f"{picture.name}: clipped: {browser.evaluate(CLIPPED)}")
    finally:
        browser.close()
    print(f"report test: {checks - len(wrong)} passed, {len(wrong)} failed; pictures are in {shots}")
    sys.exit(1 if wrong else 0)


main()
