// Notes: the build ID, package metadata, properties by their AND and OR rules, and .comment.
//#AbstractConfig:base
//#LinkerDriver:gcc

//#Config:build-id-sha1:base
//#LinkArgs:-Wl,--build-id=sha1
//#ExpectSection:.note.gnu.build-id size=36,type=note,align=4
//#ExpectSegment:PT_NOTE flags=R

//#Config:build-id-md5:base
//#LinkArgs:-Wl,--build-id=md5
//#ExpectSection:.note.gnu.build-id size=32

//#Config:build-id-uuid:base
//#LinkArgs:-Wl,--build-id=uuid
//#ExpectSection:.note.gnu.build-id size=32

//#Config:build-id-given:base
//#LinkArgs:-Wl,--build-id=0x0123456789abcdef
//#ExpectSectionBytes:.note.gnu.build-id=0x040000000800000003000000474e55000123456789abcdef
//#EnableLinker:lld

//#Config:build-id-short:base
//#LinkArgs:-Wl,--build-id=0xabcd
//#ExpectSectionBytes:.note.gnu.build-id=0x040000000200000003000000474e5500abcd0000
//#ReferenceChecked:false

//#Config:build-id-none:base
//#LinkArgs:-Wl,--build-id=none
//#NoSection:.note.gnu.build-id
//#EnableLinker:lld

//#Config:build-id-wrong:base
//#LinkArgs:-Wl,--build-id=nonsense
//#ExpectError:nonsense
//#SkipLinker:ld

//#Config:package-metadata:base
//#LinkArgs:-Wl,--package-metadata={"type":"test"}
//#ExpectSection:.note.package type=note
//#Contains:{"type":"test"}
//#EnableLinker:lld

//#Config:properties-all:base
//#CompArgs:-fcf-protection=full
//#Object:plain.c
//#NoReadelf:-n:warning

//#Config:properties-lost:base
//#CompArgs:-fcf-protection=full
//#Object:plain.c:-fcf-protection=none
//#NoReadelf:-n:IBT

//#Config:aligned-notes:base
//#Object:notes_asm.s
//#ExpectReadelf:-n:owner8
//#ExpectReadelf:-n:owner4
//#NoReadelf:-n:(?i)corrupt

//#Config:comment:base
//#ExpectComment:GCC: *
//#ExpectSection:.comment flags=MS,entsize=1

//#Config:comment-dropped:base
//#LinkArgs:-Wl,-s
//#RemoveSection:.comment
//#NoSection:.comment
int main(void) { return 42; }
