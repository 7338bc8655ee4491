"""The settings of the site: `make docs`. Pages are MyST Markdown; notebooks come executed and are shown as they are."""

import os
import sys
from pathlib import Path

DOCS = Path(__file__).resolve().parent
sys.path[:0] = [str(DOCS.parent), str(DOCS / "_ext")]

project = "minidl"
author = "the minidl project"
copyright = author
html_title = "minidl"

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.viewcode",
    "sphinx_copybutton",
    "docstrings",
    "mathml",
    "pages",
]
exclude_patterns = ["_build", "_ext"]
source_suffix = {".rst": "restructuredtext", ".md": "myst-nb", ".ipynb": "myst-nb"}
nitpicky = False
show_warning_types = True

html_theme = "furo"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_copyright = False
html_math_renderer = "mathml"
html_copy_source = False
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True

autodoc_typehints = "none"  # signatures carry them; docstrings say shapes
autodoc_preserve_defaults = True
autodoc_member_order = "bysource"
default_role = "code"
add_module_names = False
toc_object_entries_show_parents = "hide"

myst_enable_extensions = ["dollarmath", "colon_fence", "deflist"]
myst_heading_anchors = 3

# One thread for NumPy's products: on a machine with other work, two wait for each other, and the gallery times some.
os.environ["OPENBLAS_NUM_THREADS"] = "1"
# The pictures on a page are made anew by the code above them; a notebook of the course is already executed.
nb_execution_mode = "force"
nb_execution_excludepatterns = ["course/*"]
nb_execution_timeout = 300
nb_execution_raise_on_error = True
nb_merge_streams = True
nb_ipywidgets_js = {}  # widgets would be fetched from the network; a notebook keeps a picture beside them
