# Every task by name. `make` alone lists them; `make lab` and `make test` set up what they need.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help light setup lab test doctor check hint progress reset run notebooks solutions lint ok bench parity accept data pretrain clean

NODE_TS := node --import tsx
CH ?=
override CH := $(if $(filter 0 1 2 3 4 5 6 7 8 9,$(CH)),0$(CH),$(CH))
EX ?=
N ?= 1
COURSE_LANG ?= en

help: ## this list
	@echo 'make TASK [NAME=value]:'
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):[^#]*## (.*)/  \1\t\2/' | expand -t 14

light:
	@node tools/setup.mjs --without-engine

setup: ## install all that the course needs (lab and test do it by themselves)
	@node tools/setup.mjs

lab: setup ## the course in JupyterLab (LABFLAGS=… are handed to it; COURSE_LANG=ar or fa)
	@$(NODE_TS) tools/lab.ts $(COURSE_LANG) $(LABFLAGS)

test: setup ## your exercises first, then everything (CH=03 only one chapter)
	@$(NODE_TS) test/run.ts $(if $(CH),--chapter $(CH))

doctor: ## what works on this machine, and the remedy of what does not (installs the packages first)
	@node tools/setup.mjs --without-engine; node lib/bin/gptlab.js doctor

check: setup ## check your answers (EX=causalMask one, CH=02 one chapter)
	@$(NODE_TS) tools/course.ts check $(if $(EX),--exercise $(EX)) $(if $(CH),--chapter $(CH))

hint: light ## a hint for an exercise (EX=causalMask N=2)
	@$(NODE_TS) tools/course.ts hint $(if $(EX),--exercise $(EX)) --level $(N)

progress: light ## what you have solved
	@$(NODE_TS) tools/course.ts progress

reset: light ## put a stub back (EX=causalMask, CH=02 or ALL=1); asks first, YES=1 does not
	@$(NODE_TS) tools/course.ts reset $(if $(EX),--exercise $(EX)) $(if $(CH),--chapter $(CH)) $(if $(ALL),--all) $(if $(YES),--yes)

run: setup ## a chapter as a script, solved (CH=01)
	@$(NODE_TS) tools/chapter.ts $(CH)

notebooks: light ## write the notebooks from chapters/src (your answers stay)
	@$(NODE_TS) tools/notebooks.ts

solutions: setup ## execute the solutions again and keep their outputs (CH=01 one chapter; minutes)
	@$(NODE_TS) tools/notebooks.ts --execute $(CH)

data: light ## fetch all data sets now, to work without a connection later
	@node lib/bin/gptlab.js data

pretrain: setup ## train your own base model, in legs that can be stopped (hours; PRETRAINFLAGS=--help)
	@node lib/bin/gptlab.js pretrain $(PRETRAINFLAGS)

lint: light ## format and style
	@npx biome check

ok: lint test ## the one gate before a commit

bench: setup ## compare the speed with PyTorch and others (ONLY=train-1m ROUNDS=3 a part; nothing else should run)
	@$(NODE_TS) bench/run.ts $(if $(ONLY),--only $(ONLY)) $(if $(ROUNDS),--rounds $(ROUNDS))

parity: setup ## compare saved models with Python's transformers (installs PyTorch; PARITY_PYTHON=… uses one)
	@$(NODE_TS) test/parity/run.ts

accept: setup ## train chapter 06's models with three seeds and keep what they show (ACCEPTFLAGS='--seeds 1'; 25 minutes)
	@$(NODE_TS) test/accept/continued.ts $(ACCEPTFLAGS)

clean: ## remove what was installed and built (your notebooks and progress stay)
	rm -rf node_modules .venv lib/dist .build
