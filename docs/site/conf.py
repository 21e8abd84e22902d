"""The site: the pages of the repository as they are, and what Ansible documents of each plugin. Built by make docs."""

from __future__ import annotations

project = "sipmobility.handover"
copyright = "sipmobility.handover contributors"
extensions = ["myst_parser", "sphinx.ext.intersphinx", "sphinx_antsibull_ext"]
html_theme = "sphinx_ansible_theme"
html_title = project
html_short_title = project
html_theme_options = {
    "collapse_navigation": False,
    "display_version": False,
    "documentation_home_url": "https://github.com/sipmobility/sipmobility.handover",
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
# What Ansible's own documentation has, as far as it is linked to; tools/docs_site.py writes the file.
intersphinx_mapping = {"ansible": ("https://docs.ansible.com/projects/ansible/latest/", "ansible.inv")}
pygments_style = "default"
