//! Names that harnesses give to their tools, and what each kind of tool does.

/// Names under which harnesses offer a shell, in lower case: the one list of the whole program.
const SHELLS: [&str; 19] = [
    "bash",
    "cmd",
    "container.exec",
    "exec",
    "exec_command",
    "execute_bash",
    "execute_command",
    "local_shell",
    "powershell",
    "run",
    "run_command",
    "run_in_terminal",
    "run_shell_command",
    "run_terminal_cmd",
    "sh",
    "shell",
    "shell_command",
    "terminal",
    "zsh",
];

/// Kind of a tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Takes a command line.
    Shell,
    /// Reads, lists or searches, and changes nothing. The name is canonical.
    Reader(&'static str),
    /// Changes a file. The name is canonical; its text never enters a key.
    Editor(&'static str),
    /// Keeps the harness's books (plans, skills, structured answers): neither an action nor evidence.
    Bookkeeping,
    /// Says whether the task is done, and does nothing for it.
    Verdict,
    /// Anything else.
    Other,
}

/// Returns true when a tool of this name takes a command line.
#[must_use]
pub fn is_shell(tool: &str) -> bool {
    SHELLS.contains(&tool.trim().to_ascii_lowercase().as_str())
}

/// The kind of a tool, by its name.
#[must_use]
pub(crate) fn kind_of(tool: &str) -> Kind {
    let name = tool.trim().to_ascii_lowercase().replace(['-', ' '], "_");
    if is_shell(&name) {
        return Kind::Shell;
    }
    match name.as_str() {
        "read" | "read_file" | "readfile" | "view" | "view_file" | "open" | "cat" | "get_file"
        | "read_many_files" => Kind::Reader("read"),
        "glob" | "list" | "ls" | "list_dir" | "list_directory" | "list_files" | "find"
        | "file_search" => Kind::Reader("glob"),
        "grep"
        | "search"
        | "search_file_content"
        | "grep_search"
        | "codebase_search"
        | "search_files" => Kind::Reader("grep"),
        "webfetch" | "web_fetch" | "fetch" | "websearch" | "web_search" | "google_web_search" => {
            Kind::Reader("fetch")
        }
        "edit"
        | "edit_file"
        | "str_replace"
        | "str_replace_editor"
        | "replace"
        | "multiedit"
        | "multi_edit"
        | "search_replace"
        | "str_replace_based_edit_tool" => Kind::Editor("edit"),
        "write" | "write_file" | "create_file" | "create" => Kind::Editor("write"),
        "apply_patch" | "patch" | "apply_diff" => Kind::Editor("apply_patch"),
        "notebookedit" | "notebook_edit" => Kind::Editor("notebook"),
        "check" | "validate" | "validator" | "verify" | "judge" | "grader" | "outcome"
        | "submit" => Kind::Verdict,
        "todowrite" | "todo_write" | "todoread" | "todo" | "todos" | "write_todos" | "task"
        | "agent" | "taskcreate" | "taskupdate" | "tasklist" | "taskget" | "taskoutput"
        | "task_create" | "task_update" | "update_plan" | "plan" | "exitplanmode"
        | "exit_plan_mode" | "enterplanmode" | "skill" | "use_skill" | "structuredoutput"
        | "structured_output" | "wait" | "sleep" | "think" | "askuserquestion"
        | "ask_user_question" | "request_user_input" | "toolsearch" | "tool_search"
        | "update_topic" | "report_intent" | "killshell" | "bashoutput" | "attempt_completion"
        | "final_answer" | "finish" | "save_memory" => Kind::Bookkeeping,
        _ => Kind::Other,
    }
}
