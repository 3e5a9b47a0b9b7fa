"""Reads papers back with programs others wrote: PDF with poppler, DOCX and XLSX with LibreOffice, XLSX with openpyxl.

    python3 documents.py FOLDER      every .pdf, .docx and .xlsx in it; pictures of the pages go to FOLDER/pages

Prints one line of JSON: by file name the text, pages and figures of texts, and the cells, formulas and sums of workbooks.
`missing` names the programs that are not installed; what needs them is left out.
"""
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
from decimal import ROUND_HALF_UP, Decimal

import openpyxl

folder = pathlib.Path(sys.argv[1])
pages = folder / "pages"
pages.mkdir(exist_ok=True)
missing = [program for program in ("pdftotext", "pdftoppm", "soffice") if shutil.which(program) is None]


def converted(path, kind):
    """The file as LibreOffice writes it anew in another form."""
    out = pathlib.Path(tempfile.mkdtemp())
    # A profile of its own: one that runs already would take the call and say nothing.
    profile = f"-env:UserInstallation=file://{out}/profile"
    subprocess.run(["soffice", profile, "--headless", "--convert-to", kind, "--outdir", out, path], check=True, capture_output=True, timeout=180)
    return out / f"{path.stem}.{kind}"


def read_pdf(path, name):
    text = subprocess.run(["pdftotext", "-layout", path, "-"], check=True, capture_output=True, text=True).stdout
    subprocess.run(["pdftoppm", "-r", "70", "-png", path, pages / name.replace(".", "-")], check=True)
    return {
        "pages": text.count("\f"),
        "text": re.sub(r"[\s\u200b]+", "", text),
        "figures": sorted(set(re.findall(r"(?<![\d.])\d+\.\d+(?![\d.])", text))),
    }


def cells_of(formula):
    """Cells that a `=ROUND(SUM(…),n)` names, and its decimals."""
    found = re.fullmatch(r"=ROUND\(SUM\(([A-Z0-9:,]+)\),(\d)\)", formula)
    return (found[1].split(","), int(found[2])) if found else (None, None)


def sums_of(path):
    """Every formula with what it adds up to in decimals, what is stored, and what LibreOffice counts."""
    formulas, stored = openpyxl.load_workbook(path), openpyxl.load_workbook(path, data_only=True)
    counted = openpyxl.load_workbook(converted(path, "xlsx"), data_only=True) if "soffice" not in missing else None
    sums = []
    for sheet in formulas:
        for row in sheet.iter_rows():
            for cell in row:
                if not isinstance(cell.value, str) or not cell.value.startswith("="):
                    continue
                ranges, decimals = cells_of(cell.value)
                if ranges is None:
                    sums.append({"sheet": sheet.title, "cell": cell.coordinate, "unread": cell.value})
                    continue
                total = Decimal(0)
                for part in ranges:
                    block = sheet[part]
                    for line in block if isinstance(block, tuple) else ((block,),):
                        for one in line if isinstance(line, tuple) else (line,):
                            total += Decimal(str(one.value or 0))
                places = Decimal(1).scaleb(-decimals)
                text = lambda book: str(Decimal(str(book[sheet.title][cell.coordinate].value)).quantize(places, ROUND_HALF_UP))
                sums.append({"sheet": sheet.title, "cell": cell.coordinate, "exact": str(total.quantize(places, ROUND_HALF_UP)), "stored": text(stored), "counted": text(counted) if counted else None})
    return sums


def read_xlsx(path):
    book = openpyxl.load_workbook(path, data_only=True)
    return {"sheets": {sheet.title: [list(row) for row in sheet.iter_rows(values_only=True)] for sheet in book}, "sums": sums_of(path)}


said = {"missing": missing}
for path in sorted(folder.iterdir()):
    if path.suffix == ".xlsx":
        said[path.name] = read_xlsx(path)
    pdf = path if path.suffix == ".pdf" else None
    if path.suffix in (".docx", ".xlsx") and "soffice" not in missing:
        pdf = converted(path, "pdf")
    if pdf and "pdftotext" not in missing:
        said.setdefault(path.name, {}).update(read_pdf(pdf, path.name))
print(json.dumps(said, ensure_ascii=False, default=str))
