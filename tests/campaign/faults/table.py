"""What is done, what must be seen, and the tests that do it and look."""

from typing import NamedTuple


class Row(NamedTuple):
    """A fault or an attack; of `tests` all must pass."""

    done: str
    seen: str
    tests: tuple[str, ...]  # below tests/: a file, or ::NAME after it


_CELLS = "workspace/test_cells.py::"
_STORE = "workspace/test_store.py::"
_SOURCES = "models/test_sources.py::"
_PLACES = "campaign/faults/test_places.py::"
_AT_ONCE = "campaign/faults/test_at_once.py::"
_AUDIT = "remotes/test_audit.py::"
_TRANSFERS = "remotes/test_interrupted_transfers.py::"

FAULTS = (
    Row(
        "params.yaml, code or data edited while a stage runs",
        "the stage ends, nothing is recorded",
        (f"{_CELLS}test_an_edit_during_a_stage_ends_it",),
    ),
    Row(
        "code edited while a stage runs",
        "finished cells of the edited code go",
        (f"{_CELLS}test_cells_have_the_code_that_was_loaded_and_go_where_it_was_edited",),
    ),
    Row(
        "a second `dvc repro` at the same time",
        "both end well, the second after the first",
        (f"{_AT_ONCE}test_a_second_repro_waits_or_says_what_runs_and_finds_everything_done",),
    ),
    Row(
        "`dvc exp run` while `dvc repro` is in a stage",
        "both end well",
        (f"{_AT_ONCE}test_an_experiment_beside_a_repro_harms_neither",),
    ),
    Row(
        "a kill inside prompts",
        "no hidden state is computed again",
        ("embed/prompts/test_run.py::test_an_interrupted_run_goes_on_from_its_finished_prompts",),
    ),
    Row(
        "cells finished, and not yet in DVC's cache",
        "they stay",
        (f"{_CELLS}test_cells_stay_until_the_cache_of_dvc_has_every_file",),
    ),
    Row(
        "dvc.lock cut by a kill",
        "told with the line that mends it, by commands and by make",
        ("workspace/test_cut_lock.py",),
    ),
    Row(
        "the scratch disk is full",
        "one sentence with the setting",
        ("workspace/test_room_for_cells.py",),
    ),
    Row(
        "the disk of the cache is full",
        "the audit names what is missing, a repair or a rerun mends it",
        (
            f"{_TRANSFERS}test_a_full_disk_is_noticed_and_mended",
            f"{_TRANSFERS}test_a_file_that_cannot_be_saved_is_noticed_and_mended",
        ),
    ),
    Row(
        "the scratch folder is read-only",
        "one sentence that names it",
        (f"{_PLACES}test_a_folder_that_cannot_be_written_is_one_sentence",),
    ),
    Row(
        "the downloads folder is read-only",
        "what is in it is read, what is not is one sentence with the setting",
        (f"{_PLACES}test_a_read_only_downloads_folder_is_read_and_what_it_lacks_is_one_sentence",),
    ),
    Row(
        "DVC's cache is read-only",
        "status not 0, and a rerun makes it whole",
        (f"{_PLACES}test_a_cache_that_cannot_be_written_fails_and_is_filled_later",),
    ),
    Row(
        "the cache of compiled loops is read-only",
        "what is in it is run, or one sentence",
        (f"{_PLACES}test_compiled_loops_of_a_read_only_folder_are_run",),
    ),
    Row(
        "a cell of an interrupted stage: flipped bytes, cut, a link in its place",
        "made again",
        (
            f"{_CELLS}test_a_cell_that_is_not_what_it_was_is_made_again",
            f"{_CELLS}test_a_link_in_place_of_a_file_is_not_what_was_written",
            f"{_CELLS}test_where_one_needs_the_others_all_are_forgotten",
        ),
    ),
    Row(
        "a .npy cut, empty, pickled, of another shape",
        "refused by name",
        (
            f"{_STORE}test_a_truncated_array_is_refused_by_name",
            f"{_STORE}test_arrays_that_are_not_what_is_recorded_are_refused",
            f"{_STORE}test_a_pickle_in_place_of_an_array_is_refused_and_not_run",
        ),
    ),
    Row(
        "a byte of a .npy of data/ flipped after its stage: a copy, a link, the rot of a disk",
        "named by the audit or seen by DVC, and taken back",
        ("campaign/faults/test_flipped_bytes.py",),
    ),
    Row(
        "a file of the cache, the remote or the workspace cut or longer",
        "named by the quick audit",
        ("remotes/test_sizes.py",),
    ),
    Row(
        "a Parquet table damaged, cut, empty",
        "refused by name",
        (f"{_STORE}test_tables_that_cannot_be_used_are_refused_by_name",),
    ),
    Row(
        "a GGUF file replaced by another of its name",
        "converted anew",
        ("models/test_load.py::test_a_converted_file_goes_by_its_content_and_is_checked",),
    ),
    Row(
        "a model replaced since data-prep",
        "refused",
        ("models/test_load.py::test_a_model_that_was_replaced_since_data_prep_is_refused",),
    ),
    Row(
        "a branch of the hub that moves, weights altered in the hub's cache",
        "the commit that was recorded is read; refused by the hash of the weights",
        ("models/test_as_recorded.py",),
    ),
    Row(
        "weights in one file and in parts, parts of a save that was cut",
        "refused; what is hashed is what is loaded",
        ("models/test_weight_choice.py",),
    ),
    Row(
        "a download tampered with or damaged",
        "fetched again",
        (f"{_SOURCES}test_what_is_no_longer_what_was_downloaded_is_fetched_again",),
    ),
    Row(
        "an extraction interrupted, and several at once",
        "taken only whole",
        (
            f"{_SOURCES}test_an_interrupted_extraction_leaves_nothing_that_is_taken_for_whole",
            f"{_SOURCES}test_fetches_at_once_all_get_the_whole",
        ),
    ),
    Row(
        "spaces, Unicode and a link in the path, umask 077, LC_ALL=C, no HOME, no git identity",
        "the same bytes",
        (f"{_PLACES}test_a_strange_place_gives_the_same_bytes",),
    ),
    Row("umask 077", "respected, private texts 0600", ("workspace/test_private_files.py",)),
    Row(
        "`dvc exp run` without a git identity",
        "nothing is run, and that is said",
        (f"{_PLACES}test_no_identity_is_told_and_nothing_is_run",),
    ),
    Row(
        "a git worktree of a full clone",
        "runs",
        (f"{_PLACES}test_a_worktree_runs",),
    ),
    Row(
        "a shallow clone",
        "runs",
        (f"{_PLACES}test_a_shallow_clone_runs",),
    ),
    Row(
        "an object of DVC's cache damaged",
        "named, mended from the remote or the workspace, or made again",
        (
            f"{_AUDIT}test_the_cache_is_mended_from_the_remote",
            f"{_AUDIT}test_a_corrupt_listing_is_mended_in_both_places",
            f"{_AUDIT}test_what_only_the_workspace_has_is_saved_from_it",
            f"{_AUDIT}test_what_is_whole_nowhere_is_taken_away_and_made_again",
        ),
    ),
    Row(
        "the clock goes backwards between two runs",
        "nothing runs again, and an edit is seen",
        (f"{_PLACES}test_files_of_the_future_and_the_past_are_what_they_hold",),
    ),
    Row(
        "unfinished objects in a remote",
        "removed by a repair",
        ("remotes/test_unfinished.py", "remotes/test_uploads.py"),
    ),
    Row(
        "a queue's workers killed",
        "told, and run again",
        ("experiments/test_on_queue.py::test_what_killed_workers_ran_is_told_and_run_again",),
    ),
    Row(
        "values that fail only after hours",
        "refused at the check",
        ("params/agreement/test_bounds.py", "params/agreement/test_columns.py"),
    ),
)
