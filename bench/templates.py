"""Rendering and compiling templates: plain Jinja2 with autoescape beside the contextual escaper, in one process.

    PYTHONPATH=src python -m bench.templates

Times are CPU time of the process in milliseconds. In each round both are measured one after the other, and the ratio (ours to
theirs) is taken within the round. The five shapes are those for which plain escaping has most and least to do.
"""

import json
import statistics
import sys
import time
from pathlib import Path

import jinja2

from fastness.html.environment import TemplateEnvironment
from fastness.html.inventory import template_names
from fastness.html.translating import Translating

ROOT = Path(__file__).parent.parent
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
SHAPES = {
    "1000 table rows, 6 outputs each": (
        '{% for r in rows %}<tr class="{{ r.path }}" data-id="{{ r.id }}"><td><a href="/items/{{ r.path }}">{{ r.name }}</a></td>'
        "<td>{{ r.note }}</td><td>{{ r.count }}</td></tr>{% endfor %}"
    ),
    "1000 rows of text, 3 outputs each": (
        "{% for r in rows %}<p>{{ r.name }} {{ r.note }} {{ r.path }}</p>{% endfor %}"
    ),
    "1000 rows of 2 addresses": (
        '{% for r in rows %}<a href="{{ r.url }}">x</a><a href="/go?to={{ r.url|urlencode }}">y</a>{% endfor %}'
    ),
    "one JSON value of 200 rows": "<script>var rows = {{ data[:200]|tojson }};</script>",
    "1000 rows of 2 integers": "{% for r in rows %}<td>{{ r.id }}</td><td>{{ r.count }}</td>{% endfor %}",
}
FLAT = "".join(
    f'<p class="c{n}" title="{{{{ a{n} }}}}">{{{{ b{n} }}}}</p>\n<a href="/x/{{{{ c{n} }}}}">{{{{ d{n} }}}}</a>\n'
    for n in range(100)
)
COMPILED = {
    "400 outputs": FLAT,
    "400 outputs in a loop": f"{{% for r in rows %}}{FLAT}{{% endfor %}}",
}
DEMO = (
    ROOT / "examples/casebook/casebook/templates",
    ROOT / "src/fastness/web/templates",
    ROOT / "src/fastness/accounts/templates",
)


class Row:
    """The same values as attributes, which plain Jinja2 finds at the first try; a dict's keys it finds at the second."""

    def __init__(self, values):
        self.__dict__.update(values)


OBJECTS = [Row(row) for row in ROWS]


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    json.dump({"render": rendering(rounds), "compile": compiling(rounds)}, sys.stdout, indent=1)


def rendering(rounds):
    """One row for each shape and kind of value."""
    found = []
    for kind, rows in (("objects", OBJECTS), ("dicts", ROWS)):
        for name, text in SHAPES.items():
            theirs = jinja2.Environment(loader=jinja2.DictLoader({"t": text}), autoescape=True).get_template("t")
            ours = TemplateEnvironment(loader=jinja2.DictLoader({"t": text})).get_template("t")
            values = {"rows": rows, "data": ROWS}
            found.append(
                compared(name, lambda t=theirs, v=values: t.render(v), lambda o=ours, v=values: o.render(v), rounds)
                | {"values": kind}
            )
    return found


def compiling(rounds):
    """One row for each set of templates."""
    plain = jinja2.Environment(autoescape=True)
    ours = TemplateEnvironment(loader=jinja2.DictLoader({}))
    found = [
        compared(name, lambda t=text: plain.compile(t), lambda t=text: ours.compile(t, "t"), rounds)
        for name, text in COMPILED.items()
    ]
    return [
        *found,
        compared("all templates of the demo", lambda: compile_demo(plain_demo), lambda: compile_demo(our_demo), rounds),
    ]


def plain_demo():
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(DEMO),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=(Translating,),
    )


def our_demo():
    return TemplateEnvironment(DEMO)


def compile_demo(make):
    environment = make()
    for name in template_names(environment.loader):
        environment.get_template(name)


def compared(name, theirs, ours, rounds):
    """Both in turn; the smaller of two runs counts, so that a neighbour's turn on the core does not."""
    theirs(), ours()
    pairs = [(cpu_ms(theirs), cpu_ms(ours)) for _ in range(rounds)]
    ratios = [our / their for their, our in pairs]
    return {
        "title": name,
        "plain_ms": round(statistics.median(pair[0] for pair in pairs), 3),
        "fastness_ms": round(statistics.median(pair[1] for pair in pairs), 3),
        "ratio": {
            "median": round(statistics.median(ratios), 3),
            "smallest": round(min(ratios), 3),
            "largest": round(max(ratios), 3),
        },
    }


def cpu_ms(function):
    times = []
    for _ in range(2):
        start = time.process_time()
        function()
        times.append(time.process_time() - start)
    return min(times) * 1000


if __name__ == "__main__":
    main()
