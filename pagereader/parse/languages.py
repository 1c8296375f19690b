"""Languages as files name them: ISO 639 codes of two or three letters, tags, or Tesseract's."""

from __future__ import annotations

import re

from pagereader.languages import NAMES

_CODE = re.compile(r"\s*([A-Za-z]{2,3})(?![A-Za-z])")
_LIST = """
aa=aar ab=abk ae=ave af=afr ak=aka am=amh an=arg ar=ara as=asm av=ava ay=aym az=aze ba=bak
be=bel bg=bul bi=bis bm=bam bn=ben bo=bod,tib br=bre bs=bos ca=cat ce=che ch=cha co=cos cr=cre
cs=ces,cze cu=chu cv=chv cy=cym,wel da=dan de=deu,ger,frk dv=div dz=dzo ee=ewe el=ell,gre en=eng
eo=epo es=spa et=est eu=eus,baq fa=fas,per ff=ful fi=fin fj=fij fo=fao fr=fra,fre fy=fry ga=gle
gd=gla gl=glg gn=grn gu=guj gv=glv ha=hau he=heb hi=hin ho=hmo hr=hrv ht=hat hu=hun hy=hye,arm
hz=her ia=ina id=ind ie=ile ig=ibo ii=iii ik=ipk io=ido is=isl,ice it=ita iu=iku ja=jpn jv=jav
ka=kat,geo kg=kon ki=kik kj=kua kk=kaz kl=kal km=khm kn=kan ko=kor kr=kau ks=kas ku=kur kv=kom
kw=cor ky=kir la=lat lb=ltz lg=lug li=lim ln=lin lo=lao lt=lit lu=lub lv=lav mg=mlg mh=mah
mi=mri,mao mk=mkd,mac ml=mal mn=mon mr=mar ms=msa,may mt=mlt my=mya,bur na=nau nb=nob nd=nde
ne=nep ng=ndo nl=nld,dut nn=nno no=nor nr=nbl nv=nav ny=nya oc=oci oj=oji om=orm or=ori os=oss
pa=pan pi=pli pl=pol ps=pus pt=por qu=que rm=roh rn=run ro=ron,rum ru=rus rw=kin sa=san sc=srd
sd=snd se=sme sg=sag si=sin sk=slk,slo sl=slv sm=smo sn=sna so=som sq=sqi,alb sr=srp ss=ssw
st=sot su=sun sv=swe sw=swa ta=tam te=tel tg=tgk th=tha ti=tir tk=tuk tl=tgl tn=tsn to=ton tr=tur
ts=tso tt=tat tw=twi ty=tah ug=uig uk=ukr ur=urd uz=uzb ve=ven vi=vie vo=vol wa=wln wo=wol xh=xho
yi=yid yo=yor za=zha zh=zho,chi zu=zul
"""
"""Codes of three letters by those of two (ISO 639-2, both kinds; "frk" is Tesseract's Fraktur)."""
_TWO_LETTERS = {
    longer: code
    for code, longer_ones in (entry.split("=") for entry in _LIST.split())
    for longer in longer_ones.split(",")
}
_BY_NAME = {name.casefold(): code for code, name in NAMES.items()}


def language_code(said: str | None) -> str:
    """Return the ISO 639 code that ``said`` stands for, of two letters if there is one; else "".

    Of several languages ("deu+eng") the first counts; "de-AT", "deu_frak" and "German" are known.
    """
    name = (said or "").strip()
    if name.casefold() in _BY_NAME:
        return _BY_NAME[name.casefold()]
    found = _CODE.match(name)
    code = found[1].lower() if found else ""
    return (
        "" if code in ("und", "zxx", "mul", "mis", "osd", "equ") else _TWO_LETTERS.get(code, code)
    )
