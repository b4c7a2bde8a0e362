"""The site of these pages: ``make site`` builds it, without a network.

Furo shows the whole table of contents, by what a reader wants, beside every page, and takes nothing from other
machines. sphinx-book-theme, which shows it too, is in maintenance mode (2026); pydata-sphinx-theme shows one section.
"""

import os
import sys
from pathlib import Path

import sciml_datasets

sys.path.append(str(Path(__file__).parent))

project = "sciml-datasets"
author = "The sciml-datasets authors"
release = version = sciml_datasets.__version__
language = "en"

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "from_code"]
exclude_patterns: list[str] = []
highlight_language = "shell"
default_role = "py:obj"  # a name in single quotes is a link where there is such a thing
myst_heading_anchors = 4
myst_enable_extensions = ["colon_fence"]
nb_execution_mode = "off"  # -D nb_execution_mode=force fills the notebooks
nb_execution_raise_on_error = True
nb_execution_timeout = 300
nb_output_stderr = "remove"  # logs of libraries
autodoc_default_options = {"members": True}
autodoc_member_order = "bysource"
autodoc_typehints = "description"
napoleon_use_ivar = True

server, repository = os.environ.get("GITHUB_SERVER_URL"), os.environ.get("GITHUB_REPOSITORY")
repository_files = f"{server}/{repository}/blob/{os.environ.get('GITHUB_SHA')}" if server and repository else ""

html_theme = "furo"
html_title = project
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = html_show_sourcelink = False
html_show_sphinx = False
