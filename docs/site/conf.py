"""The site: the pages of the repository as they are, and what Ansible documents of each plugin. Built by make docs."""

from __future__ import annotations

project = "sipmobility.handover"
copyright = "sipmobility.handover contributors"
extensions = ["myst_parser", "sphinx_antsibull_ext"]
html_theme = "sphinx_ansible_theme"
html_title = project
html_short_title = project
html_theme_options = {
    "collapse_navigation": False,
    "display_version": False,
    "documentation_home_url": "index.html",
    "navigation_depth": 2,
    "topbar_links": {},
    "vcs_pageview_mode": "",
}
html_show_sphinx = False
html_copy_source = False
html_static_path = ["_static"]
html_css_files = ["site.css"]
# Links to headings are those that a repository's web page makes.
myst_heading_anchors = 3
nitpicky = False
default_role = "any"
# Ansible's own documentation cannot be reached while the site is built; links to it are left as text.
suppress_warnings = ["intersphinx.external"]
pygments_style = "default"
