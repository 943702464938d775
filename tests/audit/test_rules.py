"""Each rule finds its mistakes, and leaves the neighbours alone that look like one."""

import ast

import pytest

from fastness.audit.module import make_module
from fastness.audit.rules import RULES

REQUEST = "async def view(request):\n    "

HTML = "from starlette.responses import HTMLResponse, RedirectResponse, Response, FileResponse\n"

BAD = {
    "FST-SOURCE-001": {
        "f-string": 'from sqlalchemy import text\ntext(f"SELECT * FROM a WHERE b = {b}")',
        "format": 'from sqlalchemy import text\ntext("a = {}".format(b))',
        "percent": 'cursor.execute("SELECT * FROM a WHERE b = %s" % b)',
        "sum": 'cursor.execute("SELECT * FROM a WHERE b = " + b)',
        "long-sum": 'cursor.execute("SELECT * FROM a WHERE b = \'" + b + "\'")',
        "named": 'def f(db, b):\n    query = f"DELETE FROM a WHERE b = {b}"\n    db.execute(query)',
        "driver": 'connection.exec_driver_sql(f"PRAGMA {name}")',
        "alias": 'import sqlalchemy as sa\nsa.text(f"x = {y}")',
        "our-own": 'from fastness import sql\nsql(f"SELECT {a}")',
        "parameter-called-as-a-constant": 'B = "x"\ndef f(db, B):\n    db.execute(f"SELECT * FROM a WHERE b = {B}")',
    },
    "FST-SOURCE-002": {
        "eval": "eval(text)",
        "exec": "exec(text)",
        "compile": 'compile(text, "a", "exec")',
        "builtins": "import builtins\nbuiltins.eval(text)",
    },
    "FST-SOURCE-003": {
        "loads": "import pickle\npickle.loads(data)",
        "from": "from pickle import loads as read\nread(data)",
        "shelve": "import shelve\nshelve.open(name)",
        "marshal": "import marshal\nmarshal.loads(data)",
        "dill": "import dill\ndill.load(file)",
    },
    "FST-SOURCE-004": {
        "load": "import yaml\nyaml.load(text)",
        "loader": "import yaml\nyaml.load(text, Loader=yaml.Loader)",
        "unsafe": "import yaml\nyaml.unsafe_load(text)",
        "full": "import yaml\nyaml.full_load(text)",
    },
    "FST-SOURCE-005": {
        "shell": "import subprocess\nsubprocess.run(line, shell=True)",
        "shell-by-name": "import subprocess\nsubprocess.Popen(line, shell=is_shell)",
        "system": "import os\nos.system(line)",
        "async": "import asyncio\nasync def f():\n    await asyncio.create_subprocess_shell(line)",
    },
    "FST-SOURCE-006": {
        "template": f"from jinja2 import Template\n{REQUEST}return Template(request.query['t']).render()",
        "from-string": f"{REQUEST}data = await request.json()\n    return env.from_string(data['t'])",
    },
    "FST-SOURCE-007": {
        "argument": f"import subprocess\n{REQUEST}subprocess.run(['convert', request.query['name']])",
    },
    "FST-SOURCE-010": {
        "json": f"{REQUEST}user = User(**await request.json())",
        "named": f"{REQUEST}data = await request.json()\n    user = User(**data)",
        "form": f"{REQUEST}form = await request.form(UserForm)\n    user = User(**form.data)",
        "setattr": f"{REQUEST}for name, value in (await request.json()).items():\n        setattr(user, name, value)",
        "query": f"{REQUEST}case.update(**request.query)",
        "annotated": "from fastness import Request\nasync def view(r: Request):\n    User(**await r.json())",
    },
    "FST-SOURCE-011": {
        "response": f"{HTML}{REQUEST}return RedirectResponse(request.query['next'])",
        "named": f"{HTML}{REQUEST}target = request.query.get('next')\n    return RedirectResponse(url=target)",
        "header": f"{HTML}{REQUEST}return Response(status_code=303, headers={{'Location': request.query['next']}})",
        "assigned": f"{REQUEST}response.headers['location'] = request.query['next']",
        "f-string": f"{HTML}{REQUEST}return RedirectResponse(f\"//{{request.headers['host']}}/\")",
    },
    "FST-SOURCE-012": {
        "open": f"{REQUEST}return open('files/' + request.query['name'])",
        "path": f"from pathlib import Path\n{REQUEST}return Path('files', request.path_params['name']).read_text()",
        "file-response": f"{HTML}{REQUEST}return FileResponse(request.query['name'])",
        "division": f"{REQUEST}return (FOLDER / request.query['name']).read_bytes()",
        "join": f"import os\n{REQUEST}os.remove(os.path.join(FOLDER, request.query['name']))",
    },
    "FST-SOURCE-013": {
        "f-string": f"{HTML}HTMLResponse(f'<b>{{name}}</b>')",
        "sum": f"{HTML}HTMLResponse('<b>' + name)",
        "media-type": f"{HTML}Response(f'<b>{{name}}', media_type='text/html')",
        "sent": f"{HTML}{REQUEST}return HTMLResponse(request.query['a'])",
    },
    "FST-SOURCE-014": {
        "etree": "import xml.etree.ElementTree as ET\nET.fromstring(text)",
        "lxml": "from lxml import etree\netree.parse(file)",
        "dom": "from xml.dom.minidom import parseString\nparseString(text)",
    },
    "FST-SOURCE-015": {
        "tar": "import tarfile\nwith tarfile.open(name) as archive:\n    archive.extractall(folder)",
        "shutil": "import shutil\nshutil.unpack_archive(name, folder)",
    },
    "FST-SOURCE-020": {
        "match": "import re\nif not re.match(r'^[a-z]+$', name):\n    raise ValueError",
        "compiled": "import re\nNAME = re.compile('[a-z]+$')\ndef f(x):\n    return NAME.match(x) is not None",
        "wtforms": "from wtforms.validators import Regexp\nRegexp(r'^[a-z]+$')",
        "search": "import re\nif re.search('^[a-z]+$', name):\n    pass",
    },
    "FST-SOURCE-021": {
        "match": "import re\nif not re.match('[a-z]+', name):\n    raise ValueError",
        "is-none": "import re\ndef f(name):\n    if re.match('[a-z]+', name) is None:\n        return False\n    return True",
        "wtforms": "from wtforms.validators import Regexp\nRegexp('[a-z]+')",
        "or": "import re\nif not name or not re.search('[a-z]+', name):\n    raise ValueError",
    },
    "FST-SOURCE-022": {
        "plus-plus": "import re\nre.compile(r'^(a+)+$')",
        "star": "import re\nre.fullmatch(r'(?:[a-z]*)*x', name)",
        "optional": "import re\nre.compile(r'(\\s*[a-z]+)*$')",
        "nested": "import re\nre.compile(r'((a+))+b')",
        "alternative": "import re\nre.compile(r'(?:b|a+)*c')",
        "counted": "import re\nre.compile(r'(a+){20}')",
    },
    "FST-SOURCE-030": {
        "aws": "KEY = 'AKIA" + "Z7QK3M5N8P2R4T6V'",
        "own": "token = 'fst_" + "0" * 32 + "_" + "a1" * 24 + "'",
        "private-key": "K = '''-----BEGIN " + "PRIVATE KEY-----\\n" + "A" * 40 + "'''",
        "bytes": "K = b'ghp_" + "a1B2" * 10 + "'",
        "address": "URL = 'postgresql://app:k3Jf8" + "Qz2Lw@db.internal/app'",
    },
    "FST-SOURCE-031": {
        "variable": "SECRET_KEY = '9f8a7b6c5d4e" + "3f2a1b0c9d8e7f6a5b4c'",
        "keyword": "connect(api_key='xK9m" + "P2vL8qR5nT7wB3z')",
        "entry": "S = {'api_key': 'xK9m" + "P2vL8qR5nT7wB3z'}",
        "attribute": "app.secret_key = 'xK9m" + "P2vL8qR5nT7wB3z'",
    },
    "FST-SOURCE-032": {
        "password": "logger.info('sign-in with %s', password)",
        "attribute": "log.debug(settings.secret_key)",
        "body": f"import logging\nlogger = logging.getLogger()\n{REQUEST}logger.info('got %s', await request.json())",
        "f-string": "import logging\nlogging.info(f'it is {api_key}')",
        "percent": "logger.info('it is %s' % access_token)",
    },
    "FST-SOURCE-040": {
        "token": "import random\ntoken = ''.join(random.choices(letters, k=32))",
        "function": "import random\ndef make_reset_code():\n    return random.randint(0, 999999)",
        "keyword": "from random import randbytes\nUser(session_key=randbytes(16))",
    },
    "FST-SOURCE-041": {
        "md5": "import hashlib\nhashlib.md5(password.encode())",
        "sha256": "import hashlib\nhashlib.sha256(salt + form.password)",
        "new": "import hashlib\nhashlib.new('sha512', passwd)",
    },
    "FST-SOURCE-042": {
        "md5": "import hashlib\nhashlib.md5(content)",
        "new": "import hashlib\nhashlib.new('SHA-1', content)",
    },
    "FST-SOURCE-043": {
        "hexdigest": "import hmac\nif hmac.new(key, text, 'sha256').hexdigest() == given:\n    pass",
        "named": "import hmac\ndef f(given):\n    want = hmac.new(key, text, 'sha256').digest()\n    return given != want",
    },
    "FST-SOURCE-044": {
        "options": "import jwt\njwt.decode(token, options={'verify_signature': False})",
        "none": "import jwt\njwt.decode(token, key, algorithms=['none'])",
    },
    "FST-SOURCE-050": {
        "requests": "import requests",
        "from": "from urllib.request import urlopen",
        "inside": "def f():\n    import httpx",
    },
    "FST-SOURCE-051": {
        "get": f"import httpx\n{REQUEST}httpx.get(request.query['url'])",
        "client": f"import httpx\n{REQUEST}async with httpx.AsyncClient() as c:\n        await c.get(request.query['url'])",
        "f-string": f"import requests\n{REQUEST}requests.post(f\"https://{{request.query['host']}}/\")",
    },
    "FST-SOURCE-052": {
        "verify": "client.get(url, verify=False)",
        "context": "import ssl\nssl._create_unverified_context()",
        "none": "import ssl\ncontext.verify_mode = ssl.CERT_NONE",
        "name": "context.check_hostname = False",
    },
    "FST-SOURCE-053": {
        "sleep": "import time\nasync def f():\n    time.sleep(1)",
        "requests": "import requests\nasync def f():\n    requests.get(url)",
        "run": "from subprocess import run\nasync def f():\n    run(['ls'])",
    },
    "FST-SOURCE-060": {
        "staff": "assert request.user.is_staff",
        "may": "async def f(request):\n    assert await request.may('edit', case)",
        "owner": "assert case.owner_id == user.id",
    },
    "FST-SOURCE-061": {
        "true": "def has_permission(user):\n    try:\n        return ask(user)\n    except Exception:\n        return True",
        "logged": "def is_allowed():\n    try:\n        return ask()\n    except OSError:\n        note()\n        return True",
    },
    "FST-SOURCE-062": {
        "app": "from fastapi import FastAPI\nFastAPI(debug=True)",
        "run": "app.run(debug=True)",
        "attribute": "app.debug = True",
    },
    "FST-SOURCE-063": {
        "run": "import uvicorn\nuvicorn.run(app, host='0.0.0.0')",
        "bind": "sock.bind(('0.0.0.0', 80))",
        "six": "import uvicorn\nuvicorn.run(app, host='::')",
    },
    "FST-SOURCE-064": {"mktemp": "import tempfile\ntempfile.mktemp()"},
    "FST-SOURCE-065": {
        "added": "app.add_middleware(CORSMiddleware, allow_origins=['*'], allow_credentials=True)",
        "listed": "Middleware(CORSMiddleware, allow_origin_regex='.*', allow_credentials=True)",
    },
    "FST-SOURCE-066": {
        "default": "from jinja2 import Environment\nEnvironment(loader=x)",
        "off": "import jinja2\njinja2.Environment(autoescape=False)",
    },
}

GOOD = {
    "sql-with-parameters": 'from sqlalchemy import text\ntext("SELECT * FROM a WHERE b = :b")',
    "sql-of-constants": 'TABLE = "a"\ndef f(db):\n    db.execute(f"SELECT * FROM {TABLE}")',
    "sql-arguments": 'cursor.execute("SELECT * FROM a WHERE b = ?", (b,))',
    "other-execute": 'runner.execute(f"step {number}")',
    "sum-of-constants": 'db.execute("SELECT a " + "FROM b")',
    "select": "db.execute(select(Case).where(Case.id == a))",
    "number-sum": "runner.scalar(a + b)",
    "re-compile": "import re\nre.compile(text)",
    "own-compile": "def compile(x): ...\ncompile(text)",
    "literal-eval": "import ast\nast.literal_eval(text)",
    "method-eval": "model.eval()",
    "json": "import json\njson.loads(data)",
    "pickle-dump": "import pickle\npickle.dumps(value)",
    "safe-load": "import yaml\nyaml.safe_load(text)",
    "safe-loader": "import yaml\nyaml.load(text, Loader=yaml.CSafeLoader)",
    "list-command": "import subprocess\nsubprocess.run(['ls', name])",
    "no-shell": "import subprocess\nsubprocess.run(['ls'], shell=False)",
    "template-by-name": f"{REQUEST}return env.get_template('a.html').render(t=request.query['t'])",
    "typed-json": f"{REQUEST}data = await request.json_as(NewCase)\n    Case(title=data.title)",
    "named-fields": f"{REQUEST}data = await request.json()\n    Case(title=data['title'])",
    "own-keywords": "def f(**options):\n    return Case(**options)",
    "own-redirect": f"from fastness import redirect\n{REQUEST}return redirect(request, request.query['next'])",
    "redirect-to-a-route": f"{HTML}{REQUEST}return RedirectResponse(request.path_for('home'))",
    "redirect-checked": f"{HTML}{REQUEST}to = request.query['next']\n    if to in ALLOWED:\n        return RedirectResponse(to)",
    "number-in-a-path": f"{REQUEST}return open(f\"{{int(request.query['page'])}}.txt\")",
    "constant-path": "open('a.txt')",
    "method-open": f"{REQUEST}await request.db.open(request.query['name'])",
    "joined-safely": f"{REQUEST}return join_under(ROOT, request.query['name']).read_text()",
    "constant-html": f"{HTML}HTMLResponse('<b>hello</b>')",
    "rendered": f"{REQUEST}return render(request, 'a.html', name=request.query['name'])",
    "defused": "from defusedxml.ElementTree import fromstring\nfromstring(text)",
    "xml-building": "import xml.etree.ElementTree as ET\nET.Element('a')",
    "tar-filter": "import tarfile\nwith tarfile.open(name) as archive:\n    archive.extractall(folder, filter='data')",
    "zip": "import zipfile\nwith zipfile.ZipFile(name) as archive:\n    archive.extractall(folder)",
    "fullmatch": "import re\nif not re.fullmatch('[a-z]+', name):\n    raise ValueError",
    "end-of-text": "import re\nif not re.match(r'[a-z]+\\Z', name):\n    raise ValueError",
    "multiline": "import re\nif re.search('^a$', text, re.MULTILINE):\n    pass",
    "used-match": "import re\nfound = re.match('[a-z]+', name)",
    "prefix": "import re\nif re.match('[a-z]+:', name):\n    name = name[1:]",
    "ending": "import re\nif re.search('_id$', name):\n    pass",
    "escaped-dollar": "import re\nif re.match('a\\\\$', name):\n    pass",
    "separated-repetition": "import re\nre.compile(r'(?:[a-z]+,)+')",
    "disjoint": "import re\nre.compile(r'(\\s+\\w+)*')",
    "possessive": "import re\nre.compile(r'(?:a++)+')",
    "few": "import re\nre.compile(r'(a+){2}')",
    "class-with-brackets": "import re\nre.compile(r'[(a+)+]*')",
    "placeholder-key": "SECRET_KEY = 'change-me-in-production-1'",
    "test-token": "token = 'test-token-0123456789abcdef'",
    "name-of-a-field": "password_field = 'aB3dE5gH7jK9mN1pQ'",
    "words": "PASSWORD = 'correct horse battery staple'",
    "address-without-password": "URL = 'postgresql://app@db.internal/app'",
    "address-of-documentation": "URL = 'postgresql://app:password@db.example.com/app'",
    "from-environment": "SECRET_KEY = os.environ['SECRET_KEY']",
    "key-header-only": "HEAD = '-----BEGIN " + "PRIVATE KEY-----'",
    "logged-id": "logger.info('user %s', user.id)",
    "logged-count": f"{REQUEST}data = await request.body()\n    logger.info('%d bytes', len(data))",
    "not-a-log": "dialog.info(password)",
    "random-colour": "import random\ncolour = random.choice(colours)",
    "secrets": "import secrets\ntoken = secrets.token_urlsafe()",
    "sha256-of-a-file": "import hashlib\nhashlib.sha256(content)",
    "md5-for-nothing": "import hashlib\nhashlib.md5(content, usedforsecurity=False)",
    "compare-digest": "import hmac\nhmac.compare_digest(hmac.new(key, text, 'sha256').digest(), given)",
    "etag": "import hashlib\nif hashlib.sha256(content).hexdigest() == known:\n    pass",
    "jwt": "import jwt\njwt.decode(token, key, algorithms=['RS256'])",
    "outbound": "from fastness.outbound import Client",
    "urllib-parse": "from urllib.parse import urljoin",
    "aiohttp-server": "from aiohttp import web",
    "fixed-address": f"{REQUEST}await client.get('https://api.example.com/', params={{'q': request.query['q']}})",
    "dict-get": f"{REQUEST}TABLE.get(request.query['a'])",
    "own-authority": "client.get(url, verify='/etc/ca.pem')",
    "async-sleep": "import asyncio\nasync def f():\n    await asyncio.sleep(1)",
    "thread": "import asyncio, time\nasync def f():\n    await asyncio.to_thread(time.sleep, 1)",
    "sync-sleep": "import time\ndef f():\n    time.sleep(1)",
    "lambda": "import time\nasync def f():\n    await run(lambda: time.sleep(1))",
    "assert-of-types": "assert isinstance(value, str)",
    "closed": "def has_permission():\n    try:\n        return ask()\n    except Exception:\n        return False",
    "other-function": "def load():\n    try:\n        return read()\n    except OSError:\n        return True",
    "debug-off": "from fastapi import FastAPI\nFastAPI(debug=False)",
    "debug-elsewhere": "logging.log(debug=True)",
    "loopback": "import uvicorn\nuvicorn.run(app, host='127.0.0.1')",
    "compared-address": "if host == '0.0.0.0':\n    pass",
    "named-temporary": "import tempfile\ntempfile.NamedTemporaryFile()",
    "cors-without-credentials": "app.add_middleware(CORSMiddleware, allow_origins=['*'])",
    "cors-named": "app.add_middleware(CORSMiddleware, allow_origins=['https://a.example'], allow_credentials=True)",
    "escaping": "from jinja2 import Environment\nEnvironment(autoescape=True)",
    "escaping-elsewhere": "from jinja2 import Environment\nEnvironment(**options)",
}


def found(source: str) -> list[str]:
    module = make_module(ast.parse(source))
    return [rule.notice.id for rule in RULES for _ in rule.find(module)]


@pytest.mark.parametrize(
    ("rule", "source"),
    [pytest.param(rule, source, id=f"{rule}-{name}") for rule, rows in BAD.items() for name, source in rows.items()],
)
def test_a_mistake_is_found(rule, source):
    assert rule in found(source)


@pytest.mark.parametrize("source", [pytest.param(source, id=name) for name, source in GOOD.items()])
def test_a_good_neighbour_is_not(source):
    assert found(source) == []


def test_every_rule_has_rows():
    assert set(BAD) == {rule.notice.id for rule in RULES}
