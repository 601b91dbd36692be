# SPDX-License-Identifier: GPL-2.0
#
# Sphinx configuration; scripts/docs.sh sets the environment.

import logging
import os
import sys

# The kernel's own extension, for the kernel-doc comments of include/lvbs.
kernel = os.environ["LVBS_KERNEL_SOURCE"]
sys.path.insert(0, os.path.join(kernel, "Documentation", "sphinx"))
extensions = ["kerneldoc"]
kerneldoc_bin = os.path.join(kernel, "scripts", "kernel-doc")
kerneldoc_srctree = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

project = "lvbs"
copyright = "the lvbs project"
version = release = os.environ["LVBS_VERSION"]

primary_domain = "c"
# What sparse and the compiler know, and Sphinx does not.
c_id_attributes = ["__user", "__must_check", "__iomem", "__rcu"]
highlight_language = "none"
html_theme = "alabaster"
html_theme_options = {
    "description": "Linux virtualization-based security, as a kernel module",
    "fixed_sidebar": True,
    "page_width": "70em",
    "body_max_width": "54em",
}
html_sidebars = {"**": ["about.html", "navigation.html", "searchbox.html"]}
html_show_sphinx = False
html_copy_source = False


class TagsAreNotFunctions(logging.Filter):
    """Sphinx has one name space for both: "struct phys_lock" and "phys_lock()" are a duplicate to it."""

    both = ("phys_lock",)

    def filter(self, record):
        text = record.getMessage()
        return not (
            text.startswith("Duplicate C declaration")
            and any(name + " (" in text or "struct " + name + "'" in text for name in self.both)
        )


logging.getLogger("sphinx.sphinx.domains.c").addFilter(TagsAreNotFunctions())
