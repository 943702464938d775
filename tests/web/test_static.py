"""Static files: by exact name, cached by content, and nothing outside the folder."""

import pytest

from fastness import Routes
from fastness.kernel.hosts import HostRules
from fastness.settings.profiles import Profile
from fastness.web.static import MissingStaticFileError


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "static"
    (folder / "css").mkdir(parents=True)
    (folder / "css" / "site.css").write_text("body { color: red }" * 100)
    (folder / ".hidden").write_text("secret")
    for name in (
        "settings.py",
        "data.sqlite3",
        "site.css.bak",
        "site.css~",
        "Makefile",
        "dump.sql",
        "key.pem",
        "page.php",
        ".old.css",
    ):
        (folder / name).write_text("secret")
    (folder / "app.js").write_text("1")
    (tmp_path / "outside.txt").write_text("secret")
    (folder / "link.txt").symlink_to(tmp_path / "outside.txt")
    return folder


@pytest.mark.asvs("V13.4.1", "V13.4.3", "V13.4.7", "V5.3.2")
@pytest.mark.parametrize(
    ("path", "status"),
    [
        pytest.param("/static/css/site.css", 200, id="by-name"),
        pytest.param("/static/.hidden", 404, id="hidden"),
        pytest.param("/static/link.txt", 404, id="link-that-leads-out"),
        pytest.param("/static/", 404, id="no-listing"),
        pytest.param("/static/css", 404, id="no-folder"),
        pytest.param("/static/%2e%2e/outside.txt", 400, id="encoded-dot-dot"),
        pytest.param("/static//etc/passwd", 400, id="absolute"),
        pytest.param("/static/css%2fsite.css", 400, id="encoded-slash"),
        pytest.param("/static/css\\site.css", 400, id="backslash"),
        pytest.param("/static/CSS/site.css", 404, id="other-case"),
        pytest.param("/static/.old.css", 404, id="hidden-styles"),
        pytest.param("/static/settings.py", 404, id="source"),
        pytest.param("/static/data.sqlite3", 404, id="database"),
        pytest.param("/static/site.css.bak", 404, id="backup"),
        pytest.param("/static/site.css~", 404, id="what-an-editor-left"),
        pytest.param("/static/Makefile", 404, id="no-ending"),
        pytest.param("/static/dump.sql", 404, id="dump"),
        pytest.param("/static/key.pem", 404, id="key"),
        pytest.param("/static/page.php", 404, id="script-of-another-server"),
    ],
)
async def test_names(make_shop, browse, folder, path, status):
    shop = await make_shop(Routes(), static=folder)
    async with browse(shop) as browser:
        page = await browser.raw("GET", path)
    assert page.status == status
    assert "secret" not in page.text


async def test_an_address_with_the_hash_is_kept_for_ever_the_plain_one_is_asked_again(make_shop, browse, folder):
    shop = await make_shop(Routes(), static=folder)
    address = shop.app._pipeline.site.addresses.static("css/site.css")
    async with browse(shop) as browser:
        hashed = await browser.raw("GET", address)
        plain = await browser.raw("GET", "/static/css/site.css")
        again = await browser.raw("GET", address, headers={"if-none-match": hashed.headers["etag"]})
        small = await browser.raw("GET", address, headers={"accept-encoding": "gzip"})
    assert hashed.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert plain.headers["cache-control"] == "public, max-age=0, must-revalidate"
    assert (again.status, again.text) == (304, "")
    # A browser puts the headers of a 304 in the place of the stored ones: a page would lose the policy its nonces fit.
    assert "content-security-policy" not in again.headers
    assert again.headers["x-content-type-options"] == "nosniff"
    assert small.headers["content-encoding"] == "gzip"
    assert small.text == hashed.text
    assert hashed.headers["content-type"] == "text/css; charset=utf-8"
    assert hashed.headers["vary"] == "accept-encoding"


@pytest.mark.parametrize("name", ["a b.css", "100%.css", "c#.css", "why?.css", "příběh.css"])
async def test_any_name_has_an_address_that_leads_to_it(make_shop, browse, folder, name):
    (folder / name).write_text("here")
    shop = await make_shop(Routes(), static=folder)
    address = shop.app._pipeline.site.addresses.static(name)
    assert address.isascii()
    async with browse(shop) as browser:
        assert (await browser.raw("GET", address)).text == "here"


@pytest.mark.asvs("V3.5.7")
async def test_no_session_is_read_for_a_file(make_shop, browse, folder):
    shop = await make_shop(Routes(), static=folder)
    await shop.app.services.store.close()
    async with browse(shop) as browser:
        page = await browser.raw("GET", "/static/app.js", headers={"cookie": "__Host-session=" + "A" * 43})
    assert (page.status, page.headers["content-type"]) == (200, "text/javascript; charset=utf-8")


@pytest.mark.parametrize(
    ("name", "media_type"),
    [
        pytest.param("picture.webp", "image/webp", id="picture"),
        pytest.param("letters.woff", "font/woff", id="font"),
        pytest.param("BIG.PNG", "image/png", id="upper-case"),
        # By its last ending alone: the bytes are a pack, and nobody is told to unpack them.
        pytest.param("picture.svg.gz", "application/gzip", id="packed"),
    ],
)
async def test_each_kind_is_sent_with_its_own_type(make_shop, browse, folder, name, media_type):
    (folder / name).write_bytes(b"1")
    shop = await make_shop(Routes(), static=folder)
    async with browse(shop) as browser:
        assert (await browser.raw("GET", f"/static/{name}")).headers["content-type"] == media_type


async def test_a_missing_file_is_named_to_the_developer(make_shop, folder):
    shop = await make_shop(Routes(), static=folder)
    with pytest.raises(MissingStaticFileError, match=r"none\.css"):
        shop.app._pipeline.site.addresses.static("none.css")


async def test_a_new_file_is_found_in_development_only(make_shop, browse, folder):
    hosts = HostRules(allowed=("shop.example",))
    loose = await make_shop(
        Routes(), static=folder, settings={"profile": Profile.DEVELOPMENT, "is_https_required": False, "hosts": hosts}
    )
    (folder / "new.js").write_text("2")
    async with browse(loose) as browser:
        assert (await browser.raw("GET", "/static/new.js")).status == 200
