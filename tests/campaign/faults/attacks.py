"""The attacks: what someone does who wants in, or who wants a wrong result."""

from tests.campaign.faults.table import Row

_SOURCES = "models/test_sources.py::"
_HOSTILE_FILES = "data_prep/corpora/test_hostile_files.py::"
_CHECKS = "data_prep/test_model_checks.py::"
_HOSTILE_MODELS = "campaign/faults/test_hostile_models.py::"

ATTACKS = (
    Row(
        "custom code in a model's folder",
        "never run",
        ("models/test_load.py::test_no_call_may_run_code_that_comes_with_a_model",),
    ),
    Row(
        "code beside a data set",
        "never run",
        ("data_prep/corpora/test_corpora.py::test_code_beside_the_data_is_never_run",),
    ),
    Row(
        "pickled code in the features of others",
        "never run",
        (
            "data_prep/corpora/test_given_tokens.py::test_no_pickled_code_is_run",
            "data_prep/corpora/test_given_tokens.py::test_code_within_a_feature_is_not_run",
        ),
    ),
    Row(
        "weights that are a pickle",
        "not read unless the user says so",
        ("models/test_pickled_weights.py",),
    ),
    Row(
        "code in weights that are a pickle (zip, legacy, bare), allowed or not",
        "never run, one sentence",
        (f"{_HOSTILE_MODELS}test_code_in_pickled_weights_is_refused_and_not_run",),
    ),
    Row(
        "code in a .npy",
        "never run, refused by name",
        ("workspace/test_store.py::test_a_pickle_in_place_of_an_array_is_refused_and_not_run",),
    ),
    Row("a pickle as a job's result", "never opened", ("experiments/slurm/test_job_results.py",)),
    Row(
        "HTML and scripts in labels, sources, cells of a report",
        "text",
        ("studies/report/test_hostile_texts.py", "measure/test_page.py"),
    ),
    Row(
        "`</script>` in a label of a plot",
        "ends no script",
        (
            "plot_pages/test_page.py::test_no_label_ends_a_script_of_the_page",
            "plot_pages/test_page.py::test_a_label_is_text_of_a_record_and_nothing_of_the_page",
            "plot_pages/test_page.py::test_a_script_of_the_page_reads_a_label_as_data",
        ),
    ),
    Row(
        "HTML in a token or a title of `project`",
        "text",
        (
            "projections/test_projections.py::"
            "test_the_page_is_whole_and_cannot_be_broken_by_a_token",
            "projections/test_projections.py::"
            "test_hostile_tokens_groups_and_names_are_data_of_the_page",
        ),
    ),
    Row(
        "members that leave the folder of a package; another hash",
        "refused",
        (
            f"{_SOURCES}test_missing_members_and_members_that_leave_the_folder_are_refused",
            f"{_SOURCES}test_a_wrong_hash_is_refused_before_anything_is_opened",
        ),
    ),
    Row(
        "downloads that another user owns, and links out of them",
        "refused",
        (
            f"{_SOURCES}test_what_another_user_owns_is_refused",
            f"{_SOURCES}test_a_link_out_of_the_downloads_folder_is_refused",
        ),
    ),
    Row(
        "paths and options in the place of a source",
        "refused",
        (f"{_SOURCES}test_parse_refuses_what_is_no_source",),
    ),
    Row(
        "archives that unpack to gigabytes",
        "read within bounds",
        (f"{_HOSTILE_FILES}test_archives_are_read_within_bounds",),
    ),
    Row(
        "what is no archive",
        "one sentence",
        (f"{_HOSTILE_FILES}test_what_is_no_archive_is_told",),
    ),
    Row(
        "JSON nested 200,000 deep",
        "refused before the parser",
        (
            f"{_HOSTILE_FILES}test_nested_values_are_refused_before_arrow_sees_them",
            f"{_HOSTILE_FILES}test_json_is_as_deep_as_it_may_be",
        ),
    ),
    Row("a line without an end", "refused", (f"{_HOSTILE_FILES}test_a_line_has_an_end",)),
    Row(
        "tables that are damaged or break their own rules",
        "one sentence with file and line, without the text",
        (
            "data_prep/corpora/test_foreign_tables.py::"
            "test_a_damaged_table_is_refused_with_its_line_and_without_its_text",
            "data_prep/corpora/test_foreign_tables.py::"
            "test_parquet_that_breaks_its_own_rules_is_refused",
        ),
    ),
    Row(
        "adapters that point elsewhere, quantised weights, code in a model's folder",
        "told",
        (f"{_CHECKS}test_adapters_quantised_weights_and_code_are_told",),
    ),
    Row(
        "safetensors cut, and pointers in their place",
        "told",
        (f"{_CHECKS}test_cut_files_and_pointers_are_told",),
    ),
    Row(
        "safetensors whose header claims 2^62 bytes, tensors of 2^60, places behind the end",
        "refused in a sentence, no memory taken",
        (f"{_HOSTILE_MODELS}test_hostile_safetensors_are_refused",),
    ),
    Row(
        "a folder here of the name of a hub model",
        "not read in its place",
        (
            "models/test_as_recorded.py::"
            "test_a_folder_of_the_name_of_a_hub_model_is_not_read_in_its_place",
        ),
    ),
    Row(
        "a config.json that is no JSON, a list, deep, of another encoding, of absurd numbers",
        "refused at the check, or in data-prep, in a sentence",
        (f"{_HOSTILE_MODELS}test_a_hostile_config_is_refused_before_anything_runs",),
    ),
    Row(
        "GGUF files cut, empty, of 2^60 tensors, of a string of 2^50",
        "refused in a sentence, no memory taken",
        (f"{_HOSTILE_MODELS}test_a_hostile_gguf_is_refused",),
    ),
    Row(
        "YAML with tags, aliases, brackets, of another encoding",
        "refused at once",
        ("workspace/test_hostile_yaml.py",),
    ),
    Row(
        "corpora and models named with separators, dashes, other scripts",
        "a folder of their own each",
        ("workspace/test_paths.py",),
    ),
    Row("formulas in the cells of a table", "text", ("revisions/test_spreadsheets.py",)),
    Row(
        "a token in an error of the hub",
        "never repeated",
        ("models/test_hub_errors.py::test_a_login_in_an_error_is_never_repeated",),
    ),
    Row(
        "a package replaced in its index",
        "refused by its hash",
        ("project/test_pins.py::test_every_pin_has_its_hashes",),
    ),
    Row(
        "a workflow that may write, an action that moved",
        "least permissions, actions by commit",
        ("project/test_supply_chain.py",),
    ),
    Row(
        "DVC's cache of hashes, a pickle, in a folder of everybody",
        "in a folder of the user",
        ("project/test_supply_chain.py::test_the_cache_of_hashes_is_the_users_own",),
    ),
    Row(
        "machine code in another user's cache",
        "not run",
        ("point_cloud/test_code_cache.py::test_machine_code_of_another_user_is_not_run",),
    ),
    Row(
        "a private folder of another user",
        "refused",
        ("workspace/test_private_files.py::test_the_folder_of_another_user_is_refused",),
    ),
    Row(
        "private text in what is pushed or committed",
        "not a word of it",
        (
            "data_prep/test_private_texts.py::test_nothing_that_is_pushed_holds_a_word_of_it",
            "data_prep/test_private_texts.py::test_nothing_in_git_holds_a_word_of_it",
        ),
    ),
    Row(
        "a published result with other content, or with paths that leave its folder",
        "named, and nothing is written outside",
        (
            "tools/test_read_results.py::test_what_is_not_whole_is_named",
            "tools/test_read_results.py::test_no_file_leaves_its_folder",
        ),
    ),
    Row(
        "an attestation of other content, or signed by a stranger",
        "told",
        ("revisions/test_attestation.py",),
    ),
)
