# The shipper. libshipper.a is all of it but main, so that tests link it.
noinst_LIBRARIES += libshipper.a
libshipper_a_CPPFLAGS = $(AM_CPPFLAGS) $(LIBCURL_CFLAGS) \
	$(LIBCRYPTO_CFLAGS) $(JANSSON_CFLAGS) $(NETTLE_CFLAGS) $(PCRE2_CFLAGS)
libshipper_a_SOURCES = \
	%D%/account.c %D%/account.h \
	%D%/args_equal.c \
	%D%/backoff.c %D%/backoff.h \
	%D%/check.c %D%/check.h \
	%D%/command.c %D%/command.h \
	%D%/components.c %D%/components.h \
	%D%/config_file.c %D%/config_file.h \
	%D%/config_files.c %D%/config_files.h \
	%D%/config_source.c %D%/config_source.h \
	%D%/credentials.c %D%/credentials.h \
	%D%/discovery_args.c %D%/discovery_args.h \
	%D%/ebpf_args.c %D%/ebpf_args.h \
	%D%/endpoint.c %D%/endpoint.h \
	%D%/file_endpoint.c %D%/file_endpoint.h \
	%D%/file_writer.c %D%/file_writer.h \
	%D%/header_list.c %D%/header_list.h \
	%D%/http_args.c %D%/http_args.h \
	%D%/http_client.c %D%/http_client.h \
	%D%/http_server.c %D%/http_server.h \
	%D%/http_session.c %D%/http_session.h \
	%D%/http_transport.c %D%/http_transport.h \
	%D%/http_url.c %D%/http_url.h \
	%D%/intake.c %D%/intake.h \
	%D%/labels.c %D%/labels.h \
	%D%/latency.c %D%/latency.h \
	%D%/ledger_file.c %D%/ledger_file.h \
	%D%/logging_args.c %D%/logging_args.h \
	%D%/metrics.c %D%/metrics.h \
	%D%/oauth2.c %D%/oauth2.h \
	%D%/oauth2_token.c %D%/oauth2_token.h \
	%D%/pages.c %D%/pages.h \
	%D%/parcel.c %D%/parcel.h \
	%D%/pem.c %D%/pem.h \
	%D%/proxy.c %D%/proxy.h \
	%D%/push.c %D%/push.h \
	%D%/re2.c %D%/re2.h \
	%D%/re2_class.c %D%/re2_class.h \
	%D%/re2_text.c %D%/re2_text.h \
	%D%/reachable.c %D%/reachable.h \
	%D%/receiver.c %D%/receiver.h \
	%D%/relabel.c %D%/relabel.h \
	%D%/relabel_args.c %D%/relabel_args.h \
	%D%/relabel_plain.c %D%/relabel_plain.h \
	%D%/relabel_regex.c %D%/relabel_regex.h \
	%D%/relabel_template.c %D%/relabel_template.h \
	%D%/running.c %D%/running.h \
	%D%/secret_file.c %D%/secret_file.h \
	%D%/service_stats.c %D%/service_stats.h \
	%D%/shipper.c %D%/shipper.h \
	%D%/show_targets.c %D%/show_targets.h \
	%D%/symbolizer_server.c %D%/symbolizer_server.h \
	%D%/target_lists.c %D%/target_lists.h \
	%D%/target_set.c %D%/target_set.h \
	%D%/text.c %D%/text.h \
	%D%/tls_files.c %D%/tls_files.h \
	%D%/url_syntax.c %D%/url_syntax.h \
	%D%/wire.c %D%/wire.h \
	%D%/write_args.c %D%/write_args.h \
	%D%/write_stats.c %D%/write_stats.h
SHIPPER_LIBS = libshipper.a $(RIVER_LIBS) $(COMMON_LIBS) $(LIBCURL_LIBS) \
	$(LIBCRYPTO_LIBS) $(JANSSON_LIBS) $(NETTLE_LIBS) $(PCRE2_LIBS)

sbin_PROGRAMS += phlare-shipper
phlare_shipper_SOURCES = %D%/main.c
phlare_shipper_LDADD = $(SHIPPER_LIBS)
dist_man_MANS += %D%/phlare-ebpf.river.5 %D%/phlare-shipper.8
