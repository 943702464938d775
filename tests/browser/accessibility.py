"""axe-core in Chromium: which rules of WCAG 2.2 a page breaks, as far as a program can tell."""

from playwright.sync_api import BrowserContext, Page

from scripts.browser_libraries import fetch_all

RUN = """async (scheme) => {
  const found = await axe.run(document, {
    runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"], resultTypes: ["violations"] });
  return found.violations.flatMap((one) => one.nodes.map((node) => `${one.id}: ${node.html} (${node.failureSummary})`));
}"""


def bring_axe(context: BrowserContext) -> None:
    """Have axe in every page of this context, whatever the page's policy says."""
    context.add_init_script((fetch_all() / "axe.js").read_text())


def violations(page: Page) -> list[str]:
    """What is wrong with the page as it is shown, by day and by night."""
    found = []
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        found += [f"{scheme}: {each}" for each in page.evaluate(RUN, scheme)]
    return found
