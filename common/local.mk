# What every room may use: messages and their transport, privilege, sandbox,
# log. It uses nobody.
noinst_LIBRARIES += libcommon.a
libcommon_a_SOURCES = \
	%D%/batch.h \
	%D%/container_id.c %D%/container_id.h \
	%D%/ipc.c %D%/ipc.h \
	%D%/ledger.c %D%/ledger.h \
	%D%/log.c %D%/log.h \
	%D%/memfd.c %D%/memfd.h \
	%D%/notify.c %D%/notify.h \
	%D%/now.c %D%/now.h \
	%D%/options.c %D%/options.h \
	%D%/privilege.c %D%/privilege.h \
	%D%/process_options.c %D%/process_options.h \
	%D%/sandbox.c %D%/sandbox.h \
	%D%/settings.h \
	%D%/target.c %D%/target.h \
	%D%/utf8.c %D%/utf8.h \
	%D%/version.h
nodist_libcommon_a_SOURCES = \
	%D%/collector.pb.c %D%/collector.pb.h \
	%D%/shipper.pb.c %D%/shipper.pb.h
EXTRA_DIST += \
	%D%/collector.proto %D%/collector.options \
	%D%/shipper.proto %D%/shipper.options
BUILT_SOURCES += %D%/collector.pb.h %D%/shipper.pb.h
CLEANFILES += \
	%D%/collector.pb.c %D%/collector.pb.h \
	%D%/shipper.pb.c %D%/shipper.pb.h
SUFFIXES += .proto .pb.c .pb.h
.proto.pb.c:
	$(AM_V_GEN)$(MKDIR_P) $(@D) && $(NANOPB) -q -I $(<D) -D $(@D) $<
.pb.c.pb.h:
	@touch $@
common/collector.pb.c: common/collector.options
common/shipper.pb.c: common/shipper.options
COMMON_LIBS = libcommon.a $(NANOPB_LIBS) $(LIBEVENT_LIBS) $(LIBCAP_LIBS) \
	$(LIBSECCOMP_LIBS)
