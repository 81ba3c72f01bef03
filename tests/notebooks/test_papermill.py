"""Every notebook runs from top to bottom, headless and without network, on the nano model."""

import papermill as pm
import pytest

import lessons


@pytest.mark.parametrize("path", lessons.LESSONS, ids=lessons.name)
def test_runs_on_nano(path, tmp_path, monkeypatch):
    parameters = lessons.nano_parameters(lessons.read(path))
    # papermill only warns of a name that the notebook does not have, and would then run the long version.
    assert set(parameters) <= set(pm.inspect_notebook(str(path)))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    # In a folder of its own: no checkpoint of another run to resume from, nothing left in the repository.
    executed = pm.execute_notebook(
        str(path),
        str(tmp_path / path.name),
        parameters,
        cwd=tmp_path,
        progress_bar=False,
        kernel_name="python3",
    )
    assert not lessons.trouble(executed)
    figures = next(cell for cell in executed.cells if cell.id == "key-figures")
    assert any(output.get("text", "").strip() for output in figures.outputs)
