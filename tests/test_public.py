from __future__ import annotations

import subprocess
import sys

import pagereader


def test_every_public_name_is_there_and_documented() -> None:
    for name in pagereader.__all__:
        value = getattr(pagereader, name)
        assert name == "__version__" or value.__doc__
    assert set(dir(pagereader)) == set(pagereader.__all__)


def test_importing_loads_neither_torch_nor_opencv() -> None:
    code = (
        "import sys, pagereader; pagereader.Options(); "
        "assert not {'torch', 'transformers', 'cv2', 'pymupdf'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
