"""What comes of a run where the place around it is hostile: name → exit code and a part of the one line.

The tests take both from here, and so does the page.
"""

SURROUNDINGS: dict[str, tuple[int, str]] = {
    "an input file that may not be read": (2, "ermission denied"),
    "a folder inside the input that may not be listed": (2, "the folder cannot be listed (Permission denied)"),
    "an input folder that may not be listed": (2, "the folder cannot be listed (Permission denied)"),
    "an output folder that may not be written": (2, "this user may not write there"),
    "an output on a read-only file system": (2, "this user may not write there"),
    "a new output on a read-only file system": (2, "cannot be made (Read-only file system)"),
    "an output that is the input folder, or lies inside it": (2, "lies inside the input"),
    "an input that is what runs write (`labelled/`, `quarantine/`, `runs/`, `scores/`)": (
        2,
        "is what runs write below",
    ),
    "a file that is written anew while the run goes on": (2, "the file changed while the run was reading it"),
    "a file that is cut off while the run goes on": (2, "the file changed while the run was reading it"),
    "a file that is deleted while the run goes on": (2, "cannot be read any more (No such file or directory)"),
}
