"""The pages in a real browser, from files: sort, filter, open a submission; no error, no network, nothing cut off."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from submission_files import make_run, make_submission

from sciml_datasets.cli.main import main

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
DRIVER = shutil.which("chromedriver")
pytestmark = pytest.mark.skipif(
    not BROWSER or not DRIVER, reason="no chromium with chromedriver here (Debian: apt install chromium-driver)"
)


@pytest.fixture(scope="module")
def site(data_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("page")
    for descriptor, right in (("weak", 0.1), ("middle", 0.5), ("strong", 1.0)):
        runs = [
            make_run(root / f"{descriptor}-{seed}", data_dir, seed=seed + int(100 * right), right=right)
            for seed in (1, 2)
        ]
        make_submission(root / "all", runs, descriptor)
    make_submission(root / "all", [make_run(root / "masks", data_dir, name="cloudmask_demo", right=0.45)], "masks")
    assert main(["leaderboard", str(root / "all"), "--out", str(root / "site"), "--data-dir", str(data_dir)]) == 0
    return root / "site"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed: pip install selenium")
    options = webdriver.ChromeOptions()
    options.binary_location = str(BROWSER)
    for flag in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--window-size=1200,900"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(str(DRIVER)))
    yield driver
    driver.quit()


@pytest.fixture
def board(browser: Any, site: Path) -> Any:
    (page,) = (site / "boards").glob("stemdl_demo-*.html")
    browser.get(page.as_uri())
    return browser


def column(browser: Any, number: int) -> list[str]:
    """The texts of a column, of the submissions that are shown."""
    script = (
        "return [...document.querySelectorAll('#board tbody tr:not(.published)')].filter(row => !row.hidden)"
        ".map(row => row.cells[arguments[0]]).map(cell => (cell.querySelector('a') || cell).textContent.trim())"
    )
    return list(browser.execute_script(script, number))


def head(browser: Any, text: str) -> Any:
    return next(b for b in browser.find_elements("css selector", "thead button") if b.text.startswith(text))


def test_a_column_is_sorted_in_both_directions_by_its_head(board: Any) -> None:
    assert column(board, 0)[0].startswith("1")
    button = head(board, "top-1 accuracy")
    for order, direction in (("ascending", False), ("descending", True)):
        button.click()
        scores = [float(text.split()[0]) for text in column(board, 2)]
        assert scores == sorted(scores, reverse=direction)
        assert board.find_element("css selector", f"th[aria-sort={order}]").text.startswith("top-1 accuracy")
    assert len(board.find_elements("css selector", "th[aria-sort]")) == 1


def test_the_keyboard_sorts_as_well(board: Any) -> None:
    button = head(board, "submission")
    button.send_keys("\ue007")  # Enter
    assert column(board, 1) == sorted(column(board, 1))


def test_the_filter_hides_what_does_not_match_and_keeps_targets(board: Any) -> None:
    board.find_element("id", "filter").send_keys("strong")
    assert column(board, 1) == ["Example-Lab: strong"]
    assert board.find_element("id", "count").text == "1 of 3 submissions"
    assert board.find_elements("css selector", "tr.published:not([hidden])")


def test_target_reference_best_known_and_baselines_are_rows(board: Any) -> None:
    rows = [row.text for row in board.find_elements("css selector", "tr.published th")]
    assert [text.split(" (")[0] for text in rows[:3]] == ["target", "reference", "best known"]
    assert rows[3].startswith("baseline: always class")


def test_a_submission_opens_with_scores_curve_and_confusion_matrix(board: Any) -> None:
    board.find_element("link text", "Example-Lab: strong").click()
    assert board.find_element("tag name", "h1").text == "Example-Lab: strong"
    assert len(board.find_elements("css selector", "polyline.curve")) == 2
    assert board.find_elements("css selector", "rect.cell")
    assert board.find_element("partial link text", "PDF").get_attribute("href").endswith("scientific_contribution.pdf")


def test_a_point_of_the_chart_leads_to_its_submission(board: Any) -> None:
    links = [a.get_attribute("href") for a in board.find_elements("css selector", "svg a")]
    hrefs = board.execute_script("return [...document.querySelectorAll('svg a')].map(a => a.href.baseVal)")
    assert len(links) == len(hrefs) == 6
    assert all(href.endswith("/index.html") for href in hrefs)


def test_what_is_under_review_says_so_and_leads_to_why(board: Any) -> None:
    board.find_element("css selector", "a.badge[title*='to the last digit']").click()
    assert "to the last digit" in board.find_element("id", "review").text


def test_every_link_leads_to_a_file(browser: Any, site: Path) -> None:
    for page in site.rglob("*.html"):
        browser.get(page.as_uri())
        script = (
            "return [...document.querySelectorAll('a[href]')].map(a => new URL(a.getAttribute('href'), location).href)"
        )
        for href in browser.execute_script(script):
            if href.startswith("file:"):
                assert Path(href.partition("#")[0].removeprefix("file://")).is_file(), (page, href)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1200])
def test_pages_are_readable_on_a_phone_and_in_either_scheme(browser: Any, site: Path, width: int, scheme: str) -> None:
    metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    for page in site.rglob("*.html"):
        browser.get(page.as_uri())
        assert browser.execute_script("return document.documentElement.scrollWidth") <= width, page
        paper, ink = browser.execute_script(
            "const style = getComputedStyle(document.body); return [style.backgroundColor, style.color]"
        )
        assert contrast(paper, ink) >= 7  # WCAG 2.2, 1.4.6
        assert (luminance(paper) > 0.5) == (scheme == "light")
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


@pytest.fixture
def phone(browser: Any) -> Iterator[Any]:
    """The browser as that of a narrow phone."""
    metrics = {"width": 360, "height": 640, "deviceScaleFactor": 2, "mobile": True}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    yield browser
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_the_primary_score_is_in_view_on_a_phone(phone: Any, site: Path) -> None:
    script = """
      const edge = document.querySelector('.scroll').getBoundingClientRect().right;
      return [...document.querySelectorAll('#board tr')].map(row => edge - row.cells[2].getBoundingClientRect().right);
    """
    for page in (site / "boards").glob("*.html"):
        phone.get(page.as_uri())
        assert min(phone.execute_script(script)) >= 0, page


def test_titles_of_axes_are_clear_of_their_labels(phone: Any, site: Path) -> None:
    script = """
      const boxes = (chart, words) => [...chart.querySelectorAll(words)].map(e => e.getBoundingClientRect());
      const meet = (a, b) => a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
      return [...document.querySelectorAll('figure:not(.square) svg')].map(chart => {
        const titles = boxes(chart, 'text[transform]'), labels = boxes(chart, 'text:not([transform])');
        return [titles.length, titles.some(title => labels.some(label => meet(title, label)))];
      });
    """
    for page in site.rglob("*.html"):
        phone.get(page.as_uri())
        assert all(found == [2, False] for found in phone.execute_script(script)), page


def luminance(colour: str) -> float:
    """WCAG 2.2, relative luminance of ``rgb(r, g, b)``."""
    parts = [int(part) / 255 for part in colour[4:-1].split(",")]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_names_and_headings_are_there_for_a_screen_reader(browser: Any, site: Path) -> None:
    script = """
      const named = (e) => (e.textContent.trim() || e.getAttribute('aria-label') || '').length > 0;
      return {
        lang: document.documentElement.lang,
        h1: document.querySelectorAll('h1').length,
        unnamed: [...document.querySelectorAll('a, button, svg')].filter(e => !named(e)).length,
        unlabelled: [...document.querySelectorAll('input')].filter(e => e.labels.length === 0).length,
        headless: [...document.querySelectorAll('th')].filter(e => !e.scope).length,
      };
    """
    for page in site.rglob("*.html"):
        browser.get(page.as_uri())
        found = browser.execute_script(script)
        assert found == {"lang": "en", "h1": 1, "unnamed": 0, "unlabelled": 0, "headless": 0}, page


def test_no_page_logs_an_error_or_asks_the_network(browser: Any, site: Path) -> None:
    browser.get_log("browser"), browser.get_log("performance")
    for page in site.rglob("*.html"):
        browser.get(page.as_uri())
    assert browser.get_log("browser") == []
    events = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    asked = [event["params"]["request"]["url"] for event in events if event["method"] == "Network.requestWillBeSent"]
    assert asked
    assert all(url.startswith("file://") for url in asked)
