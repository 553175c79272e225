"""Who computes the cells of a stage: this process, several, jobs of Slurm, or tasks of Ray.

Which one is a setting of the machine, and changes no result. No stage depends on this room: its
script hands it in (`stages/embed.py`), so that an edit here repeats no forward pass.
"""
