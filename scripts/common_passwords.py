"""Make the list of common passwords that the package brings: `python -m scripts.common_passwords DJANGO ZXCVBN ZXCVBN_TS`.

DJANGO is `common-passwords.txt.gz` of Django 6.1, ZXCVBN `frequency_lists.js` of zxcvbn 4.4.2, ZXCVBN_TS `passwords.json` of
@zxcvbn-ts/language-common 4.1.3. The licences are in `src/fastness/auth/common_passwords.txt`; the result holds no password.
"""

import gzip
import json
import re
import sys
from array import array
from pathlib import Path

from fastness.auth import commonpasswords

TARGET = Path(commonpasswords.__file__).with_name("common_passwords.bin")
SHORTEST = 4


def main() -> None:
    """Read the three lists and write one file."""
    django, zxcvbn, zxcvbn_ts = (Path(name) for name in sys.argv[1:4])
    words = set(gzip.decompress(django.read_bytes()).decode().split("\n"))
    found = re.search(r"passwords:\s*\(?['\"]([^'\"]*)['\"]", zxcvbn.read_text(encoding="utf-8"))
    if found is None:
        raise SystemExit("no passwords in the second file")
    words.update(found[1].split(","), json.loads(zxcvbn_ts.read_text(encoding="utf-8")))
    keys = {commonpasswords.normalise(word) for word in words}
    # What is one character again and again is refused without a list.
    marks = array("I", sorted({commonpasswords.mark(key) for key in keys if len(key) >= SHORTEST}))
    if sys.byteorder == "little":
        marks.byteswap()
    TARGET.write_bytes(marks.tobytes())
    print(f"{len(marks)} passwords, {TARGET.stat().st_size} bytes")


if __name__ == "__main__":
    main()
