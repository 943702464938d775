"""Rendering and compiling five shapes of templates: plain Jinja2 autoescape beside the contextual escaper, in one run.

    PYTHONPATH=src python bench/templates.py

Times are the best of several runs in milliseconds; the ratio is ours to theirs.
"""

import json
import math
import sys
import time

import jinja2

from fastness.html.environment import TemplateEnvironment

ROWS = [
    {
        "id": number,
        "name": f"Name <{number}>",
        "note": "a note & more",
        "url": f"/items/{number}",
        "path": f"item-{number}",
        "count": number * 7,
    }
    for number in range(1000)
]
TABLE = (
    '{% for r in rows %}<tr class="{{ r.path }}" data-id="{{ r.id }}"><td><a href="/items/{{ r.path }}">{{ r.name }}</a></td>'
    "<td>{{ r.note }}</td><td>{{ r.count }}</td></tr>{% endfor %}"
)
SHAPES = {
    "table row, 6 outputs": (TABLE, TABLE),
    "text only, 3 outputs": ("{% for r in rows %}<p>{{ r.name }} {{ r.note }} {{ r.path }}</p>{% endfor %}",) * 2,
    "2 URLs a row": (
        '{% for r in rows %}<a href="{{ r.url }}">x</a><a href="/go?to={{ r.url|urlencode }}">y</a>{% endfor %}',
    )
    * 2,
    "one JSON value": ("<script>var rows = {{ data[:200]|tojson }};</script>",) * 2,
    "integers": ("{% for r in rows %}<td>{{ r.id }}</td><td>{{ r.count }}</td>{% endfor %}",) * 2,
}
COMPILED = "".join(
    f'<p class="c{n}" title="{{{{ a{n} }}}}">{{{{ b{n} }}}}</p>\n<a href="/x/{{{{ c{n} }}}}">{{{{ d{n} }}}}</a>\n'
    for n in range(100)
)


class Row:
    """The same values as attributes: plain Jinja2 finds those at the first try, a dict's keys at the second."""

    def __init__(self, values):
        self.__dict__.update(values)


OBJECTS = [Row(row) for row in ROWS]


def best(function, runs):
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return min(times) * 1000


def measure(rows, runs=15):
    ratios = {}
    for name, (theirs, ours) in SHAPES.items():
        plain = jinja2.Environment(loader=jinja2.DictLoader({"t": theirs}), autoescape=True).get_template("t")
        contextual = TemplateEnvironment(loader=jinja2.DictLoader({"t": ours})).get_template("t")
        plain.render(rows=rows, data=ROWS), contextual.render(rows=rows, data=ROWS)
        pairs = [
            (
                best(lambda p=plain: p.render(rows=rows, data=ROWS), 2),
                best(lambda c=contextual: c.render(rows=rows, data=ROWS), 2),
            )
            for _ in range(runs)
        ]
        ratios[name] = (min(pair[0] for pair in pairs), min(pair[1] for pair in pairs))
    plain_environment, environment = (
        jinja2.Environment(autoescape=True),
        TemplateEnvironment(loader=jinja2.DictLoader({})),
    )
    pairs = [
        (best(lambda: plain_environment.compile(COMPILED), 1), best(lambda: environment.compile(COMPILED, "t"), 1))
        for _ in range(runs)
    ]
    compiling = (min(pair[0] for pair in pairs), min(pair[1] for pair in pairs))
    return ratios, compiling


def main():
    for kind, rows in (("objects", OBJECTS), ("dicts", ROWS)):
        print(kind)
        report(*measure(rows))


def report(ratios, compiling):
    for name, (theirs, ours) in ratios.items():
        print(f"{name:24} {theirs:8.2f} ms {ours:8.2f} ms  {ours / theirs:5.2f}")
    mean = math.exp(sum(math.log(ours / theirs) for theirs, ours in ratios.values()) / len(ratios))
    print(f"{'geometric mean':24} {'':11} {'':11}  {mean:5.2f}")
    print(
        f"{'compile, 400 outputs':24} {compiling[0]:8.2f} ms {compiling[1]:8.2f} ms  {compiling[1] / compiling[0]:5.2f}"
    )
    if "--json" in sys.argv:
        print(json.dumps({"render": {name: ours / theirs for name, (theirs, ours) in ratios.items()}, "mean": mean}))


if __name__ == "__main__":
    main()
