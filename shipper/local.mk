# The shipper. libshipper.a is all of it but main, so that tests link it.
noinst_LIBRARIES += libshipper.a
libshipper_a_CPPFLAGS = $(AM_CPPFLAGS) $(LIBCURL_CFLAGS)
libshipper_a_SOURCES = \
	%D%/account.c %D%/account.h \
	%D%/args_equal.c \
	%D%/backoff.c %D%/backoff.h \
	%D%/components.c %D%/components.h \
	%D%/config_file.c %D%/config_file.h \
	%D%/credentials.c %D%/credentials.h \
	%D%/endpoint.c %D%/endpoint.h \
	%D%/file_endpoint.c %D%/file_endpoint.h \
	%D%/http_client.c %D%/http_client.h \
	%D%/http_server.c %D%/http_server.h \
	%D%/labels.c %D%/labels.h \
	%D%/metrics.c %D%/metrics.h \
	%D%/parcel.c %D%/parcel.h \
	%D%/push.c %D%/push.h \
	%D%/receiver.c %D%/receiver.h \
	%D%/symbolizer_server.c %D%/symbolizer_server.h \
	%D%/target_set.c %D%/target_set.h \
	%D%/wire.c %D%/wire.h \
	%D%/write_stats.c %D%/write_stats.h
SHIPPER_LIBS = libshipper.a libriver.a $(COMMON_LIBS) $(LIBCURL_LIBS)
