"""Executes one notebook headless, in its own folder, and shows the error of the cell that fails.

Run by scripts/testrun with the Python of .cache/venv (`m6 setup --notebooks`). The notebook on disk
stays as it is: outputs are not committed. With --html FILE the executed notebook is written there.
"""

import argparse
import pathlib
import sys

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("notebook", type=pathlib.Path)
    parser.add_argument("--html", type=pathlib.Path)
    parser.add_argument("--timeout", type=int, default=600, help="seconds a cell may take")
    args = parser.parse_args()
    notebook = nbformat.read(args.notebook, as_version=4)
    folder = str(args.notebook.resolve().parent)
    client = NotebookClient(notebook, timeout=args.timeout, resources={"metadata": {"path": folder}})
    try:
        client.execute()
    except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
        print(f"{args.notebook}: {error}", file=sys.stderr)
        show_outputs(notebook)
        return 1
    if args.html:
        from nbconvert import HTMLExporter

        body, _ = HTMLExporter().from_notebook_node(notebook)
        args.html.parent.mkdir(parents=True, exist_ok=True)
        args.html.write_text(body, encoding="utf-8")
    return 0


def show_outputs(notebook) -> None:
    """Prints the text of the last cell that gave any: compilers and panics explain themselves there."""
    cells = [cell for cell in notebook.cells if cell.get("outputs")]
    for output in cells[-1].outputs if cells else []:
        print(output.get("text") or "\n".join(output.get("traceback", [])), file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
