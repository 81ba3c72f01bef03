"""Every notebook runs from top to bottom, headless and without network, on the nano model.

`make check` runs this; `make test` runs the same notebooks with the same parameters in a browser instead.
"""

import papermill as pm
import pytest

import lessons


@pytest.mark.parametrize("path", lessons.LESSONS, ids=lessons.name)
def test_runs_on_nano(path, tmp_path, monkeypatch):
    lessons.assert_parameters_exist(path)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    # In a folder of its own: no checkpoint of another run to resume from, nothing left in the repository.
    executed = pm.execute_notebook(
        str(path),
        str(tmp_path / path.name),
        lessons.nano_parameters(lessons.read(path)),
        cwd=tmp_path,
        progress_bar=False,
        kernel_name="python3",
    )
    assert not lessons.trouble(executed)
    assert lessons.printed(executed, "key-figures")
