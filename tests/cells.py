"""Cells of a lesson run one by one: in this process, or in a Jupyter kernel that can be interrupted."""

from IPython.display import display
from jupyter_client.manager import start_new_kernel

import lessons


def up_to(notebook, last: str, **changed) -> dict:
    """Runs a lesson up to the cell `last`, with nano parameters and those `changed`; gives the names it defines."""
    known = {"display": display}  # which IPython puts into every notebook
    for cell in lessons.code_cells(notebook):
        exec(cell.source, known)
        if cell.id == "parameters":
            known |= lessons.nano_parameters(notebook) | changed
        if cell.id == last:
            return known
    raise ValueError(last)


class Kernel:
    """A Jupyter kernel in a folder: runs cells and gives what they printed, or the error's sentence."""

    def __init__(self, folder):
        self.manager, self.client = start_new_kernel(kernel_name="python3", cwd=str(folder))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)

    def run(self, source: str, interrupt_when=None) -> str:
        printed, sent = [], False
        message = self.client.execute(source)
        while True:
            if interrupt_when and not sent and interrupt_when():
                self.manager.interrupt_kernel()
                sent = True
            try:
                reply = self.client.get_iopub_msg(timeout=0.2)
            except Exception:  # nothing within that time
                continue
            if reply["parent_header"].get("msg_id") != message:
                continue
            if reply["msg_type"] == "stream":
                printed.append(reply["content"]["text"])
            elif reply["msg_type"] == "error":
                printed.extend(reply["content"]["traceback"])
            elif reply["msg_type"] == "status" and reply["content"]["execution_state"] == "idle":
                return "".join(printed)

    def up_to(self, notebook, last: str, interrupt_when=None, skip=(), before_last: str = "", **changed) -> str:
        """Like the function above, in this kernel; gives what the cell `last` said.

        skip: ids of cells that take time and change nothing. before_last: code that runs before the last cell.
        """
        for cell in lessons.code_cells(notebook):
            if cell.id in skip:
                continue
            if cell.id == last:
                self.run(before_last)
                return self.run(cell.source, interrupt_when)
            printed = self.run(cell.source)
            if cell.id == "parameters":
                values = lessons.nano_parameters(notebook) | changed
                self.run("\n".join(f"{name} = {value!r}" for name, value in values.items()))
            assert "Error" not in printed, printed
        raise ValueError(last)
