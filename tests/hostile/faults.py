"""What the program survives, fault by fault, and the tests that prove it: `file::function`, below the folder of tests.

For every fault: the window answers, no process is orphaned, what was open stays open, nothing recorded is lost, and one
message says what happened and what to do.
"""

from __future__ import annotations

from typing import NamedTuple


class Fault(NamedTuple):
    """A fault, and the tests of it."""

    what: str
    tests: tuple[str, ...]


def _fault(what: str, *tests: str) -> Fault:
    return Fault(what, tests)


_PROGRAMS = "hostile/test_programs.py::"
_PROCESSES = "hostile/test_processes.py::"
_FILES = "hostile/test_trace_files.py::"
_MACHINES = "hostile/test_machines.py::"
_AROUND = "hostile/test_surroundings.py::"
_STORED = "engine/storage/test_trace_file.py::"
_EVENTS = "engine/runs/test_tfevents.py::"
_SCALE = "engine/capture/test_scale.py::"

FAULTS: dict[int, Fault] = {
    1: _fault("the script raises",
              _PROGRAMS + "test_a_script_that_raises_is_marked_where_it_did_and_keeps_its_partial_graph"),
    2: _fault("no Python", _PROGRAMS + "test_what_is_no_python_is_told_before_anything_runs"),
    3: _fault("infinite loop", _PROGRAMS + "test_an_endless_loop_stops",
              "end2end/test_window.py::test_an_endless_loop_is_stopped"),
    4: _fault("ignores SIGINT", _PROGRAMS + "test_a_script_that_refuses_to_end_is_killed_with_its_children"),
    5: _fault("sys.exit", _PROGRAMS + "test_an_exit_is_told_and_the_data_kept"),
    6: _fault("os._exit", _PROGRAMS + "test_an_abrupt_end_is_named_and_the_journal_is_complete"),
    7: _fault("segfault", _PROGRAMS + "test_an_abrupt_end_is_named_and_the_journal_is_complete",
              "gui/test_workspace.py::test_bad_end_is_told"),
    8: _fault("abort", _PROGRAMS + "test_an_abrupt_end_is_named_and_the_journal_is_complete"),
    9: _fault("killed for memory", _PROGRAMS + "test_an_abrupt_end_is_named_and_the_journal_is_complete"),
    10: _fault("MemoryError", _PROGRAMS + "test_running_out_of_memory_is_advice_and_the_next_run_works"),
    11: _fault("CUDA asynchronous error", _MACHINES + "test_a_worker_whose_gpu_is_lost_is_not_used_again",
               _MACHINES + "test_a_script_that_loses_its_gpu_is_told_what_that_means"),
    12: _fault("prints 100 MB", _PROGRAMS + "test_a_hundred_megabytes_of_output_are_bounded_here_and_whole_in_the_log",
               "gui/panels/test_console.py::test_a_flood_is_cut_in_the_middle_and_bounded"),
    13: _fault("binary output", _PROGRAMS + "test_output_that_is_no_text_is_escaped",
               "gui/panels/test_console.py::test_no_control_character_is_left"),
    14: _fault("closes our descriptors", _PROGRAMS + "test_a_script_that_closes_its_streams_trains_on",
               _PROGRAMS + "test_a_script_that_breaks_the_channel_is_stopped"),
    15: _fault("forks, workers", _PROCESSES + "test_data_loaders_forks_and_spawned_children_work"),
    16: _fault("a daemon", _PROCESSES + "test_a_daemon_that_the_script_leaves_is_ended_and_reported"),
    17: _fault("changes the process", _PROGRAMS + "test_a_script_that_turns_everything_over_is_still_watched"),
    18: _fault("modules of our names", _PROGRAMS + "test_the_users_own_engine_and_gui_are_imported"),
    19: _fault("input()", _PROGRAMS + "test_a_question_gets_a_clean_end_of_file"),
    20: _fault("no gradient", _PROGRAMS + "test_a_script_without_a_backward_pass_is_told_why"),
    21: _fault("NaN loss", "gui/panels/test_loss.py::test_nan_is_a_gap_and_a_cross",
               "end2end/test_problems.py::test_the_first_nan_is_found_in_three_actions"),
    22: _fault("in-place version error", _PROGRAMS + "test_the_first_trace_of_a_failed_backward_is_kept",
               "engine/diagnose/test_programs.py::test_a_changed_saved_operand_names_both_operations"),
    23: _fault("backward twice", "engine/diagnose/test_programs.py::test_a_planted_mistake_is_found_and_located",
               "engine/capture/test_tensors.py::test_memory_that_was_freed_and_zeros_without_memory"),
    24: _fault("create_graph, checkpoint, Function, hooks, compile",
               "engine/capture/test_functions.py::test_a_gradient_of_a_gradient_is_not_taken_for_recomputation",
               "engine/capture/test_functions.py::test_a_checkpoint_says_that_it_computes_again",
               "engine/capture/test_functions.py::test_a_function_has_its_body_its_caller_and_its_name",
               "engine/capture/test_functions.py::test_hooks_of_the_program_are_named_with_their_lines",
               "engine/capture/test_functions.py::test_compiled_programs_run_eagerly"),
    25: _fault("subclasses, long chains of views", _MACHINES + "test_long_chains_of_views_are_bounded",
               "engine/capture/test_robustness.py::test_classes_that_dispatch_themselves"),
    26: _fault("the script is edited",
               "gui/test_reloading.py::test_an_edited_script_is_offered_and_the_code_that_ran_stays",
               "gui/test_reloading.py::test_a_storm_of_saves_is_one_offer"),
    27: _fault("the script is deleted", "gui/test_reloading.py::test_a_deleted_script_is_said_and_comes_back"),
    28: _fault("worker killed", _PROCESSES + "test_a_worker_killed_in_mid_training_keeps_every_step"),
    29: _fault("window killed",
               _PROCESSES + "test_a_window_killed_in_mid_training_ends_the_worker_and_leaves_the_journal",
               "gui/test_recovery.py::test_the_next_start_offers_what_was_recorded"),
    30: _fault("both killed", "engine/session/test_journal.py::test_a_journal_cut_at_every_byte_gives_a_prefix",
               "engine/storage/test_journal.py::test_cut_at_every_byte"),
    31: _fault("the worker hangs",
               "engine/session/test_supervisor.py::test_a_worker_that_hangs_is_reported_and_left_alone",
               "gui/test_workspace.py::test_silence_is_told_and_taken_back"),
    32: _fault("crash loop", _MACHINES + "test_workers_that_die_at_once_are_not_started_again_and_again"),
    33: _fault("disk full on save",
               "gui/test_saving.py::test_a_disk_that_is_full_keeps_the_old_file_and_offers_another_place",
               "engine/storage/test_atomic.py::test_failure_leaves_the_old_file"),
    34: _fault("disk full in the journal",
               "hostile/test_disks.py::test_a_training_goes_on_when_its_journal_cannot_be_written_and_the_gap_is_stated",
               "engine/storage/test_journal.py::test_full_disk_is_counted_and_stated"),
    35: _fault("crash before the rename",
               "hostile/test_disks.py::test_a_death_around_the_renaming_leaves_the_old_or_the_new_file"),
    36: _fault("read-only home", _AROUND + "test_a_home_that_cannot_be_written_is_one_notice",
               "engine/session/test_supervisor.py::test_where_no_folder_can_be_made_the_run_goes_on_in_memory"),
    37: _fault("truncated trace", _STORED + "test_cut_at_every_byte"),
    38: _fault("bit flips", _STORED + "test_flipped_bits_never_pass"),
    39: _fault("archives", _FILES + "test_zip_bomb_is_refused_unopened", _FILES + "test_other_archives"),
    40: _fault("pickle", _STORED + "test_pickle_is_not_executed"),
    41: _fault("lies about tensors", _FILES + "test_lies_about_tensors"),
    42: _fault("hostile JSON", _FILES + "test_json_made_to_harm", _FILES + "test_headers_made_to_harm"),
    43: _fault("dangling edges, cycles", _FILES + "test_references_to_nowhere",
               "gui/canvas/test_bad_graphs.py::test_bad_graphs_are_drawn_and_can_be_used"),
    44: _fault("other versions", _FILES + "test_other_versions"),
    45: _fault("hostile names", "gui/test_markup.py::test_no_label_and_no_tooltip_of_the_window_renders_a_name",
               "gui/widgets/test_text.py::test_control_characters_become_spaces"),
    46: _fault("hostile names in exports", "engine/graph/test_export.py::test_dot_of_hostile_names",
               "engine/graph/test_export.py::test_json_of_hostile_names",
               "gui/canvas/test_export.py::test_an_svg_holds_real_text_and_escapes_names"),
    47: _fault("records cut in the middle", _EVENTS + "test_appended_byte_by_byte"),
    48: _fault("bad CRC", _EVENTS + "test_damage_in_the_middle_is_stated_and_skipped"),
    49: _fault("log rotated", _EVENTS + "test_cut_and_written_anew", _EVENTS + "test_absence_is_not_the_end",
               _EVENTS + "test_replaced_by_a_copy_with_more"),
    50: _fault("100k nodes", "engine/graph/test_any_graph.py::test_a_hundred_thousand_nodes_without_structure",
               "gui/canvas/test_job.py::test_a_cancelled_layout_stops_and_is_never_announced"),
    51: _fault("100k-deep chain", _SCALE + "test_a_chain_of_a_hundred_thousand_operations", _STORED + "test_long_chain",
               "engine/graph/test_layout.py::test_very_long_chains",
               _SCALE + "test_a_deep_graph_that_the_program_keeps_is_freed_when_the_program_lets_go"),
    52: _fault("50k edges at a node", _SCALE + "test_a_node_with_fifty_thousand_consumers",
               "gui/canvas/test_bad_graphs.py::test_a_node_with_thousands_of_edges_is_gathered"),
    53: _fault("empty and 0-d tensors", "engine/capture/test_tensors.py::test_exotic_tensors_give_values_or_a_reason"),
    54: _fault("every dtype and layout", "engine/capture/test_tensors.py::test_exotic_tensors_give_values_or_a_reason",
               "engine/capture/test_robustness.py::test_structure_of_a_program_on_fake_tensors"),
    55: _fault("10 GB tensor", _MACHINES + "test_a_tensor_of_ten_gigabytes_is_statistics_only"),
    56: _fault("10M points", "engine/test_series.py::test_a_long_curve_keeps_one_peak_and_one_gap",
               "gui/panels/test_loss.py::test_many_points_are_decimated_and_peaks_kept"),
    57: _fault("fonts and locales", _AROUND + "test_without_any_font_those_of_a_dependency_are_used",
               _AROUND + "test_numbers_are_written_and_read_the_same_in_every_locale",
               _AROUND + "test_a_window_from_right_to_left_is_whole"),
    58: _fault("scales", _AROUND + "test_nothing_is_clipped_at_any_scale"),
    59: _fault("no OpenGL, no display", _AROUND + "test_the_window_needs_no_opengl",
               _AROUND + "test_a_display_that_does_not_answer_is_a_sentence_and_an_exit_code",
               "gui/test_app.py::test_without_a_display_there_is_a_sentence_and_an_exit_code"),
    60: _fault("corrupt settings", "gui/test_settings.py::test_unreadable_file_is_set_aside_and_said_once"),
    61: _fault("layout from elsewhere", _AROUND + "test_a_window_that_stood_on_another_screen_comes_up_on_this_one",
               "gui/test_window.py::test_foreign_state_of_the_panels_gives_the_first_places"),
    62: _fault("two instances",
               "hostile/test_instances.py::test_the_second_hands_its_file_over_while_the_first_is_still_starting",
               "hostile/test_instances.py::test_a_killed_first_is_no_obstacle"),
    63: _fault("the same file saved by both",
               "gui/test_saving.py::test_mine_is_kept_and_theirs_lies_beside_it",
               "gui/test_saving.py::test_theirs_is_kept_and_can_be_opened",
               "gui/test_saving.py::test_mine_is_saved_elsewhere",
               "gui/test_settings.py::test_two_processes_keep_what_the_other_has_changed"),
    64: _fault("closed during training", "gui/test_closing.py::test_closing_in_the_middle_of_a_training_asks_first",
               "gui/test_closing.py::test_a_training_is_kept_running_until_it_is_over",
               "gui/test_closing.py::test_end_of_the_session_is_not_held_up_by_a_question"),
    65: _fault("exception in a slot", "gui/test_crash.py::test_exception_in_a_slot_is_logged_and_told",
               "gui/test_crash.py::test_panel_that_cannot_paint_is_switched_off"),
    66: _fault("torch missing", "gui/test_isolation.py::test_the_window_shows_a_saved_trace_without_torch",
               "engine/session/test_supervisor.py::test_a_torch_that_cannot_be_imported_is_told_with_its_error"),
    67: _fault("clock jump, suspend", _MACHINES + "test_a_computer_that_slept_is_no_silence",
               _MACHINES + "test_another_time_of_day_changes_nothing"),
    68: _fault("another user", "gui/test_handover.py::test_another_user_cannot_connect",
               "gui/test_windows.py::test_strangers_are_not_heard"),
}  # fmt: skip
