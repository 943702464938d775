"""Faults as people make them, each in a file of its own: what is written, and what the audit has to say about it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Fault:
    file: str
    text: str
    id: str
    needs_git: bool = False


SEARCH = """from fastness import Request, Routes, access
from sqlalchemy import text

routes = Routes()


@routes.get("/search", access=access.public)
async def search(request: Request):
    return await request.db.execute(text(f"SELECT * FROM items WHERE name = '{request.query['q']}'"))
"""

FAULTS = {
    "sql-from-an-f-string": Fault("shop/search.py", SEARCH, "FST-SOURCE-001"),
    "eval-of-a-filter": Fault(
        "shop/filters.py", "def apply(expression):\n    return eval(expression)\n", "FST-SOURCE-002"
    ),
    "pickled-cart": Fault(
        "shop/cart.py", "import pickle\n\ndef load(data):\n    return pickle.loads(data)\n", "FST-SOURCE-003"
    ),
    "yaml-of-settings": Fault(
        "shop/prices.py", "import yaml\n\ndef load(text):\n    return yaml.load(text)\n", "FST-SOURCE-004"
    ),
    "convert-by-shell": Fault(
        "shop/images.py",
        "import os\n\ndef shrink(name):\n    os.system(f'convert {name} small.png')\n",
        "FST-SOURCE-005",
    ),
    "template-of-a-visitor": Fault(
        "shop/mails.py",
        "from jinja2 import Template\n\nasync def preview(request):\n    return Template(request.query['text']).render()\n",
        "FST-SOURCE-006",
    ),
    "any-field-of-an-order": Fault(
        "shop/orders.py",
        "async def add(request):\n    request.db.add(Order(**await request.json()))\n",
        "FST-SOURCE-010",
    ),
    "redirect-after-sign-in": Fault(
        "shop/after.py",
        "from starlette.responses import RedirectResponse\n\nasync def after(request):\n"
        "    return RedirectResponse(request.query.get('next', '/'))\n",
        "FST-SOURCE-011",
    ),
    "download-by-name": Fault(
        "shop/downloads.py",
        "async def download(request):\n    with open(f\"invoices/{request.path_params['name']}\", 'rb') as file:\n"
        "        return file.read()\n",
        "FST-SOURCE-012",
    ),
    "page-from-an-f-string": Fault(
        "shop/hello.py",
        "from starlette.responses import HTMLResponse\n\nasync def hello(request):\n"
        "    return HTMLResponse(f\"<h1>{request.query['name']}</h1>\")\n",
        "FST-SOURCE-013",
    ),
    "xml-feed": Fault(
        "shop/feed.py",
        "import xml.etree.ElementTree as ET\n\nasync def feed(request):\n    return ET.fromstring(await request.body())\n",
        "FST-SOURCE-014",
    ),
    "catalogue-by-tar": Fault(
        "shop/catalogue.py",
        "import tarfile\n\ndef unpack(name):\n    with tarfile.open(name) as archive:\n        archive.extractall('var')\n",
        "FST-SOURCE-015",
    ),
    "code-with-a-newline": Fault(
        "shop/codes.py",
        "import re\n\ndef check(code):\n    if not re.match(r'^[A-Z0-9]{8}$', code):\n        raise ValueError\n",
        "FST-SOURCE-020",
    ),
    "half-a-code": Fault(
        "shop/half.py",
        "import re\n\ndef check(code):\n    if not re.match(r'[A-Z0-9]{8}', code):\n        raise ValueError\n",
        "FST-SOURCE-021",
    ),
    "slow-pattern": Fault("shop/names.py", "import re\n\nNAME = re.compile(r'^([a-z]+\\s?)+$')\n", "FST-SOURCE-022"),
    "key-of-a-service": Fault(
        "shop/payments.py", "KEY = 'sk_live_" + "4eC39HqLyjWDarjtT1zdp7dc" + "'\n", "FST-SOURCE-030"
    ),
    "secret-key": Fault("shop/keys.py", "SECRET_KEY = 'q7Zr5mWc7Nf4" + "Jx1Hb6Ls9Pd3Ga'\n", "FST-SOURCE-031"),
    "logged-password": Fault(
        "shop/notes.py",
        "import logging\n\nlogger = logging.getLogger(__name__)\n\ndef note(password):\n    logger.info('tried %s', password)\n",
        "FST-SOURCE-032",
    ),
    "coupon-token": Fault(
        "shop/coupons.py", "import random\n\ndef coupon_token():\n    return random.getrandbits(64)\n", "FST-SOURCE-040"
    ),
    "own-password-hash": Fault(
        "shop/people.py",
        "import hashlib\n\ndef hashed(password):\n    return hashlib.sha256(password).digest()\n",
        "FST-SOURCE-041",
    ),
    "webhook-signature": Fault(
        "shop/webhook.py",
        "import hmac\n\ndef is_ours(key, body, given):\n    return hmac.new(key, body, 'sha256').hexdigest() == given\n",
        "FST-SOURCE-043",
    ),
    "unverified-token": Fault(
        "shop/partners.py",
        "import jwt\n\ndef who(token):\n    return jwt.decode(token, options={'verify_signature': False})\n",
        "FST-SOURCE-044",
    ),
    "address-of-a-visitor": Fault(
        "shop/pictures.py",
        "import httpx\n\nasync def fetch(request):\n    async with httpx.AsyncClient() as client:\n"
        "        return await client.get(request.query['url'])\n",
        "FST-SOURCE-051",
    ),
    "no-certificates": Fault(
        "shop/stock.py",
        "import requests\n\ndef stock():\n    return requests.get('https://stock.internal', verify=False)\n",
        "FST-SOURCE-052",
    ),
    "sleeping-loop": Fault("shop/wait.py", "import time\n\nasync def wait():\n    time.sleep(3)\n", "FST-SOURCE-053"),
    "asserted-access": Fault(
        "shop/desk.py", "async def desk(request):\n    assert request.user.is_staff\n", "FST-SOURCE-060"
    ),
    "open-when-broken": Fault(
        "shop/rights.py",
        "def may_edit(user, item):\n    try:\n        return item.owner == user\n    except Exception:\n        return True\n",
        "FST-SOURCE-061",
    ),
    "open-cors": Fault(
        "shop/api.py",
        "api.add_middleware(CORSMiddleware, allow_origins=['*'], allow_credentials=True)\n",
        "FST-SOURCE-065",
    ),
    "name-in-a-command": Fault(
        "shop/thumbnails.py",
        "import subprocess\n\nasync def shrink(request):\n"
        "    subprocess.run(['convert', request.query['name']], check=True)\n",
        "FST-SOURCE-007",
    ),
    "broken-hash": Fault(
        "shop/etags.py",
        "import hashlib\n\ndef tag(content):\n    return hashlib.md5(content).hexdigest()\n",
        "FST-SOURCE-042",
    ),
    "past-the-safe-client": Fault("shop/weather.py", "import requests\n", "FST-SOURCE-050"),
    "debugging-for-all": Fault(
        "shop/inside.py", "from fastapi import FastAPI\n\ninside = FastAPI(debug=True)\n", "FST-SOURCE-062"
    ),
    "every-address": Fault(
        "shop/run.py",
        "import uvicorn\n\ndef run(app):\n    uvicorn.run(app, host='0.0.0.0')\n",
        "FST-SOURCE-063",
    ),
    "guessable-file": Fault(
        "shop/exports.py", "import tempfile\n\ndef export():\n    return tempfile.mktemp()\n", "FST-SOURCE-064"
    ),
    "unescaped-templates": Fault(
        "shop/letters.py",
        "from jinja2 import Environment\n\nletters = Environment(autoescape=False)\n",
        "FST-SOURCE-066",
    ),
    "needless-nosec": Fault("shop/calm.py", "X = 1  # nosec FST002 # only constants come here\n", "FST-SOURCE-071"),
    "bare-nosec": Fault("shop/quiet.py", "X = [eval(each) for each in WORDS]  # nosec\n", "FST-SOURCE-070"),
    "world-writable": Fault("shop/files.py", "import os\n\nos.chmod('var', 0o777)\n", "FST-BANDIT-001"),
    "tracked-env": Fault(".env.production", "FASTNESS_SECRET_KEY=x\n", "FST-REPOSITORY-001", needs_git=True),
    "tracked-key": Fault(
        "tls/server.key", "-----BEGIN " + "PRIVATE KEY-----\nAAAA\n", "FST-REPOSITORY-002", needs_git=True
    ),
    "tracked-database": Fault("orders.db", "SQLite format 3\x00", "FST-REPOSITORY-003", needs_git=True),
    "tracked-token": Fault(
        "deploy.yml", "token: glpat-" + "x7Rk2Qm9Lw4Zt8Np3Vb6" + "\n", "FST-REPOSITORY-007", needs_git=True
    ),
    "old-jinja2": Fault("requirements.txt", "jinja2==2.10\n", "FST-DEPS-001"),
    "ended-django": Fault("requirements-admin.txt", "django==3.2.25\n", "FST-DEPS-005"),
    "loose-requirement": Fault("requirements-extra.txt", "starlette>=1\n", "FST-DEPS-006"),
    "pins-without-hashes": Fault("requirements/run.txt", "starlette==1.10.0\n", "FST-DEPS-007"),
}
