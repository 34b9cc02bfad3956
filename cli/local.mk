# The phlare-ebpf command. libcli.a is all of it but main, so that tests link
# it.
bin_PROGRAMS += phlare-ebpf
noinst_LIBRARIES += libcli.a
libcli_a_SOURCES = \
	%D%/account_text.c %D%/account_text.h \
	%D%/ask_shipper.c %D%/ask_shipper.h \
	%D%/backoff.c %D%/backoff.h \
	%D%/call_tree.c %D%/call_tree.h \
	%D%/check.c \
	%D%/commands.h \
	%D%/duration.c %D%/duration.h \
	%D%/eval.c \
	%D%/flamegraph.c %D%/flamegraph.h \
	%D%/fmt.c \
	%D%/frames.c %D%/frames.h \
	%D%/gunzip.c %D%/gunzip.h \
	%D%/ids.c %D%/ids.h \
	%D%/intern.c %D%/intern.h \
	%D%/janitor.c %D%/janitor.h \
	%D%/log_lines.c %D%/log_lines.h \
	%D%/output.c %D%/output.h \
	%D%/pprof_merge.c %D%/pprof_merge.h \
	%D%/pprof_reader.c %D%/pprof_reader.h \
	%D%/profile.c %D%/profile.h \
	%D%/programs.c %D%/programs.h \
	%D%/progress.c %D%/progress.h \
	%D%/record.c %D%/record.h \
	%D%/record_config.c %D%/record_config.h \
	%D%/record_report.c %D%/record_report.h \
	%D%/remove_tree.c %D%/remove_tree.h \
	%D%/replace.c %D%/replace.h \
	%D%/report.c %D%/report.h \
	%D%/run.c \
	%D%/run_dir.c %D%/run_dir.h \
	%D%/spawn.c %D%/spawn.h \
	%D%/stage.c %D%/stage.h \
	%D%/supervisor.c %D%/supervisor.h \
	%D%/target_json.c %D%/target_json.h \
	%D%/target_match.c %D%/target_match.h \
	%D%/target_reader.c %D%/target_reader.h \
	%D%/target_table.c %D%/target_table.h \
	%D%/targets.c \
	%D%/text.c %D%/text.h \
	%D%/top.c %D%/top.h \
	%D%/units.c %D%/units.h
CLI_LIBS = libcli.a $(RIVER_LIBS) $(COMMON_LIBS) $(LIBDEFLATE_LIBS)
phlare_ebpf_SOURCES = %D%/main.c
phlare_ebpf_LDADD = $(CLI_LIBS)
dist_man_MANS += %D%/phlare-ebpf.1

# The page of the flame graph, in the binary.
FLAMEGRAPH_PAGE = %D%/flamegraph.html.in %D%/flamegraph.css %D%/flamegraph.js
nodist_libcli_a_SOURCES = %D%/flamegraph_page.h
EXTRA_DIST += $(FLAMEGRAPH_PAGE) %D%/embed.sh
BUILT_SOURCES += %D%/flamegraph_page.h
CLEANFILES += %D%/flamegraph_page.h
cli/flamegraph_page.h: $(FLAMEGRAPH_PAGE) cli/embed.sh
	$(AM_V_GEN)$(MKDIR_P) cli && $(SHELL) $(srcdir)/cli/embed.sh \
		$(srcdir)/cli/flamegraph.html.in $(srcdir)/cli/flamegraph.css \
		$(srcdir)/cli/flamegraph.js > $@.tmp && mv $@.tmp $@
cli/flamegraph.$(OBJEXT): cli/flamegraph_page.h
